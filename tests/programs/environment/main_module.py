import __main__
import sys

value = 42
print(__main__ is sys.modules["__main__"], __main__.value, __main__.__name__, __main__.__dict__ is globals(), __main__)
