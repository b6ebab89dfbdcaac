class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


things = [Thing(n) for n in range(5)]
table = {"x": Thing("x"), "y": (Thing("y"), [Thing("z")])}
names = {Thing("in a set")}
