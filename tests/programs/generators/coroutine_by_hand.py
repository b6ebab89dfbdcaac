import types


@types.coroutine
def switch(value):
    return (yield value)


async def main():
    print("got", await switch("first"))
    print("got", await switch("second"))
    return "done"


c = main()
print(c.send(None), c.send(1))
try:
    c.send(2)
except StopIteration as error:
    print(error.value)
c.send(None)
