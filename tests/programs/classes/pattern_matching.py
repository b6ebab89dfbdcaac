from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int


def describe(value):
    match value:
        case 0 | 1:
            return "bit"
        case int(n) if n < 0:
            return f"negative {n}"
        case [first, *rest]:
            return f"list {first} {rest}"
        case {"kind": kind, **rest}:
            return f"mapping {kind} {rest}"
        case Point(x=0, y=y):
            return f"on the axis at {y}"
        case Point(x, y):
            return f"point {x} {y}"
        case str() as text:
            return f"text {text}"
        case None:
            return "none"
        case _:
            return "something"


for value in (1, -5, [1, 2, 3], {"kind": "a", "b": 2}, Point(0, 3), Point(1, 2), "s", None, 3.5):
    print(describe(value))
