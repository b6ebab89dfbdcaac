import sys

flush = sys.stdout.flush


def more():
    flush()
    print("more")


sys.stdout.flush = more
print("hello")
