import sys

print(repr(sys.stdin.read(3)), repr(sys.stdin.readline()), repr(sys.stdin.readline(2)), repr(sys.stdin.read(0)))
print(sys.stdin.readlines(6), sys.stdin.readlines())
