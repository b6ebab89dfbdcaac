import sys

raw = sys.stdout.buffer.raw
print("later")
raw.write(b"at once\n")
print(raw.fileno())
