print([None, ..., NotImplemented, 1.0, "q'\"", b"'", (1,), (), set(), frozenset({1}), range(3), slice(1, 2), {1: {}}, type, int])
print(print, len, str.join, int.__add__)
print(type(print), type(lambda: 0), type(type), type(iter([])), type({}.keys()), type(x for x in []), type(...), type(__import__("math")))
print({1, 2}.__class__, object.__doc__, Exception("a", 1), ValueError(), dict.fromkeys("ab"), complex(1, -2), bytearray(b"x"))
