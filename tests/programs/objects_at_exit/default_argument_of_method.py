class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self, name_of=lambda t: t.name):
        print("del", name_of(self))


class User:
    def method(self, thing=Thing("default of a method")):
        return thing


user = User()
bound = user.method
print(bound().name)
