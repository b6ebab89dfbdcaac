import sys


class Thing:
    def __del__(self):
        sys.stderr.write("to stderr\n")
        sys.stdout.write("to stdout\n")


thing = Thing()
