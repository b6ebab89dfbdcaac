# A generator dropped where it stands runs its finally.
def resource():
    print("open")
    try:
        for n in range(5):
            yield n
    finally:
        print("close")


for n in resource():
    if n == 2:
        break
print("after the loop")
g = resource()
next(g)
g = None
print("end")
