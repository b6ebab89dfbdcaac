# Locals go when their function returns, before anything else.
class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


def f(x):
    a = Thing("a")
    b = Thing("b")
    del a
    return x


print(f(Thing("argument")).name)
print("end")
