import typing
from typing import Generic, NamedTuple, Optional, Protocol, TypedDict, TypeVar, Union, get_type_hints, runtime_checkable

T = TypeVar("T")


class Stack(Generic[T]):
    def push(self, item: T) -> "Stack[T]":
        return self


class Movie(TypedDict, total=False):
    name: str


class Row(NamedTuple):
    a: int
    b: str = "x"


@runtime_checkable
class Closable(Protocol):
    def close(self): ...


print(Stack[int], Optional[int], Union[int, str, None], list[int] | None, get_type_hints(Stack.push), Movie(name="x"), Row(1))
print(isinstance(open("/dev/null"), Closable), typing.get_args(dict[str, int]), Stack[int].__origin__, Row.__annotations__, typing.Literal["a"])
isinstance(1, list[int])
