import os
import sys

sys.stdout.buffer.write(b"a" * 8191)
os.write(1, b"1\n")
sys.stdout.buffer.write(b"b")
os.write(1, b"2\n")
sys.stdout.buffer.write(b"c")
os.write(1, b"3\n")
