import sys

lines = sys.stdin.readlines()
print(len(lines), sum(map(int, lines)))
