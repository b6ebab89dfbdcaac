# print() without sys.stdout raises.
import sys

del sys.stdout
print("x")
