class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


def make():
    thing = Thing("closed over")

    def inner(default=Thing("default")):
        return thing

    inner.attribute = Thing("attribute")
    return inner


function = make()
print("end")
