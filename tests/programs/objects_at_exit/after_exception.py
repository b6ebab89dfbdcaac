# The traceback keeps the frame's objects until it has been printed.
class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


def f():
    local = Thing("local")
    raise ValueError("error")


outer = Thing("global")
f()
