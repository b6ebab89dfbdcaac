"""The docstring of the program."""
x: int = 3
y: "list[str]"
print(__doc__, __annotations__)
