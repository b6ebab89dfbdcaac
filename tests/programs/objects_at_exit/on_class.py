class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, Thing is not None)


class Holder:
    held = Thing("on a class")


Thing.instance = Thing("on its own class")
print("end")
