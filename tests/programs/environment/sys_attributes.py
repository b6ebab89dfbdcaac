# Every name in sys.
import sys

print(*sorted(vars(sys)), sep="\n")
