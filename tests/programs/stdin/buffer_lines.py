import sys

for line in sys.stdin.buffer:
    print(line)
print(sys.stdin.buffer.peek())
