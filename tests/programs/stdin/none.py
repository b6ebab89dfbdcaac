# No input: end of file at once.
import sys

print(repr(sys.stdin.read()), sys.stdin.buffer.read(), sys.stdin.readline() == "")
