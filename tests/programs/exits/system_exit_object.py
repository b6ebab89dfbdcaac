# Any other object is printed, and the status is 1.
import sys


class Thing:
    def __str__(self):
        return "thing as text"


sys.exit(Thing())
