# quit() closes stdin before it raises.
import sys

try:
    quit("bye")
except SystemExit as error:
    print(error.code, sys.stdin.closed)
print(quit, exit)
