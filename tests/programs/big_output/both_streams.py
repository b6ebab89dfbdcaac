# Both at once: neither may block the other.
import sys

for number in range(200):
    print("o" * 1000)
    print("e" * 1000, file=sys.stderr)
