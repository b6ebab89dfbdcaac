# A class defined in a function and one in a module: how they are named.
import decimal


def make():
    class Inner(Exception):
        pass

    return Inner


try:
    raise make()("inner")
except Exception:
    raise decimal.InvalidOperation("outer")
