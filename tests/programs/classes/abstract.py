import abc
import numbers
from collections.abc import Hashable, Iterable, Sequence


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...

    @property
    @abc.abstractmethod
    def name(self): ...


class Square(Shape):
    name = "square"

    def area(self):
        return 4


print(Square().area(), isinstance([], Sequence), isinstance(1, numbers.Integral), issubclass(dict, Iterable), isinstance([], Hashable))
Shape.register(int)
print(isinstance(3, Shape))
Shape()
