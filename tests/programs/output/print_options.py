# sep, end, file and flush of print.
import sys

print(1, 2, 3, sep=", ", end=";\n")
print("to stderr", file=sys.stderr)
print(*range(5), sep="")
print(flush=True)
print("a", None, True, 1.5, b"x", [1], {"k": 2}, sep="|")
