# Exactly one mebibyte, the most that is kept.
import sys

line = b"0123456789abcdef" * 4
sys.stdout.buffer.write((line[:-1] + b"\n") * (1048576 // 64))
