class Thing:
    def __del__(self):
        print("del")


def f():
    thing = Thing()
    raise ValueError("kept")


try:
    f()
except ValueError as error:
    kept = error
print("end")
