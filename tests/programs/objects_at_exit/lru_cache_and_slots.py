import functools


class Thing:
    __slots__ = ("name", "__weakref__")

    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


@functools.lru_cache
def make(name):
    return Thing(name)


make("one")
make("two")
make.cache_clear()
make("three")
print("end")
