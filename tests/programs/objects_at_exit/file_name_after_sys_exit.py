import atexit
import sys

atexit.register(lambda: print("__file__" in globals()))
sys.exit(3)
