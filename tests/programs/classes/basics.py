class Animal:
    count = 0

    def __init__(self, name):
        self.name = name
        type(self).count += 1

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    @classmethod
    def make(cls, name="default"):
        return cls(name)

    @staticmethod
    def sound():
        return "..."


class Dog(Animal):
    def __init__(self, name):
        super().__init__(name.upper())


print(Dog("rex"), Animal.make(), Dog.count, Animal.count, Dog.mro(), isinstance(Dog("a"), Animal), Dog.sound(), Dog.__module__)
print(Animal.__init__.__qualname__, Dog.__bases__, sorted(vars(Dog)), Dog("b").__dict__)
Dog()
