import inspect
import sys


def f():
    return [(info.function, info.filename, info.lineno, info.code_context, info.index) for info in inspect.stack()]


print(f(), len(inspect.stack()))
print(sys._getframe().f_back, inspect.currentframe().f_lineno, inspect.getmodule(f))
