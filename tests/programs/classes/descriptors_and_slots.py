class Positive:
    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} must be positive")
        setattr(instance, self.name, value)


class Box:
    __slots__ = ("_width", "__weakref__")
    width = Positive()

    def __init__(self, width):
        self.width = width


box = Box(3)
print(box.width, type(Box.width).__name__, hasattr(box, "__dict__"), Box.__slots__)
try:
    box.other = 1
except AttributeError as error:
    print(error)
box.width = -1
