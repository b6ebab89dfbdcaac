# What is in the program's namespace when it starts.
print(sorted(globals()), list(globals()))
print(__name__, __doc__, __package__, __spec__, __annotations__, __file__, __cached__)
print(type(__loader__).__name__, __loader__.name, __loader__.path)
print(type(__builtins__).__name__, __builtins__.__name__, locals() is globals(), vars() is globals(), dir())
