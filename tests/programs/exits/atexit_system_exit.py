# SystemExit in a handler is ignored, the status is that of the program.
import atexit
import sys

atexit.register(sys.exit, 5)
atexit.register(sys.exit, "text")
sys.exit(3)
