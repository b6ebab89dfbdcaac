# Options after the program belong to the program.
import sys

print(sys.argv[1:], sys.flags.isolated, sys.flags.optimize, sys.flags.verbose)
