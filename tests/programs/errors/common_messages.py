# The texts of everyday mistakes.
import contextlib


def show(function):
    try:
        function()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")


def f(a, b, *, c):
    pass


for attempt in (
    lambda: f(),
    lambda: f(1, 2, 3, c=4),
    lambda: f(1, 2, d=3),
    lambda: f(1, b=2, c=3, a=1),
    lambda: "a" + 1,
    lambda: 1 + "a",
    lambda: [] < 1,
    lambda: {}[[]],
    lambda: int("12a"),
    lambda: float(""),
    lambda: [].pop(),
    lambda: [1].index(2),
    lambda: None.x,
    lambda: 3(),
    lambda: iter(3),
    lambda: next(iter([])),
    lambda: (lambda a: 1)(),
    lambda: dict([1]),
    lambda: "abc".index("z"),
    lambda: chr(-1),
    lambda: ord("ab"),
    lambda: bytes([300]),
    lambda: range(1.5),
    lambda: open("missing"),
    lambda: (1).__foo__,
    lambda: [*None],
    lambda: f(**{"a": 1}, **{"a": 2}),
    lambda: "%d" % "x",
    lambda: "{}{}".format(1),
    lambda: sum(["a"]),
    lambda: max([]),
    lambda: object() + 1,
    lambda: isinstance(1, 1),
    lambda: contextlib.ExitStack().__enter__().missing,
):
    show(attempt)
