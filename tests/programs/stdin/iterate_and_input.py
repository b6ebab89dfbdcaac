# Iteration and input() share one buffer.
import sys

for line in sys.stdin:
    print("line", line.strip(), "then", input())
