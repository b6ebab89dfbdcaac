# stdout made the same as stderr: the order of the writes.
import os
import sys

os.dup2(1, 2)
print("buffered")
print("stderr, first", file=sys.stderr)
sys.stdout.flush()
os.write(2, b"raw\n")
