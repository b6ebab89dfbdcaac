import atexit
import sys

value = "still here"


def look():
    print(value, sys.modules["__main__"].value, sys.is_finalizing(), __name__)


atexit.register(look)
