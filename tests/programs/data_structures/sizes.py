# Sizes of objects, as this build has them.
import sys

for value in (0, 1, 2**30, 1.5, "", "a", "ü", "€", b"", (), (1,), [], {}, set(), None, True, range(1), object()):
    print(repr(value) if not type(value) is object else "object", sys.getsizeof(value))
