# stderr is written at once, stdout at the end.
import sys

for number in range(3):
    print("out", number)
    print("err", number, file=sys.stderr)
