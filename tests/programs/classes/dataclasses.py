from dataclasses import asdict, astuple, dataclass, field, fields, replace


@dataclass(order=True, frozen=True)
class Item:
    name: str
    price: float = 0.0
    tags: list = field(default_factory=list, compare=False)
    hidden: int = field(default=1, repr=False)


a, b = Item("apple", 1.5), Item("banana", tags=["yellow"])
print(a, a < b, replace(a, price=2), asdict(b), astuple(a), [f.name for f in fields(Item)], hash(Item("x")) == hash(Item("x")))


@dataclass(slots=True, kw_only=True)
class Point:
    x: int
    y: int = 0


print(Point(x=1), Point.__match_args__)
a.price = 3
