import sys

print(ascii(sys.stdin.readline()))
print(sys.stdin.read())
