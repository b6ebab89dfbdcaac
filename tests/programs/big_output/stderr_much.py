import sys

for number in range(3000):
    print("line", number, "of standard error", file=sys.stderr)
