# The order in which globals go.
class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


_private = Thing("_private")
zebra = Thing("zebra")
apple = Thing("apple")
__dunder = Thing("__dunder")
_other = Thing("_other")
mango = Thing("mango")
zebra, apple = apple, zebra
print("end")
