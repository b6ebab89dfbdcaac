# write() returns the number of characters, not of bytes.
import sys

print(sys.stdout.write("äöü€\n"), sys.stdout.buffer.write("äöü€\n".encode()))
