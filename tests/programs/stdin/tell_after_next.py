import sys

next(sys.stdin)
try:
    print(sys.stdin.tell())
except OSError as error:
    print(type(error).__name__, error)
sys.stdin.seek(0)
