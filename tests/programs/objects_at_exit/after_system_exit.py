import sys


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


def f():
    local = Thing("local")
    sys.exit(2)


outer = Thing("global")
f()
