# Descriptor 1 closed and used by a file: the program's print goes there.
import os
import sys

os.close(1)
file = open("other.txt", "wb", buffering=0)
print(file.fileno())
sys.stdout.flush()
sys.stderr.write(repr(open("other.txt").read()))
