# The modules that are loaded before the first line.
import sys

print(*sorted(sys.modules), sep="\n")
