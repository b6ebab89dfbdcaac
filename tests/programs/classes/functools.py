import functools


@functools.lru_cache(maxsize=2)
def slow(x):
    print("computing", x)
    return x * 2


slow(1), slow(1), slow(2), slow(3), slow(1)
print(slow.cache_info())


@functools.total_ordering
class Version:
    def __init__(self, n):
        self.n = n

    def __eq__(self, o):
        return self.n == o.n

    def __lt__(self, o):
        return self.n < o.n


@functools.singledispatch
def show(x):
    return "object"


@show.register
def _(x: int):
    return "int"


print(Version(1) >= Version(0), functools.reduce(lambda a, b: a * b, range(1, 6)), functools.partial(int, base=2)("101"), show(1), show(""))


class Lazy:
    @functools.cached_property
    def value(self):
        print("once")
        return 1


lazy = Lazy()
print(lazy.value + lazy.value, functools.wraps(slow)(lambda x: x).__name__)
slow([])
