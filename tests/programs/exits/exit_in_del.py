# SystemExit in __del__ is ignored with a message.
import sys


class Leaver:
    def __del__(self):
        sys.exit(4)


leaver = Leaver()
del leaver
print("still here")
