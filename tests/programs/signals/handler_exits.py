import signal
import sys

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(20 + number))
print("before")
signal.raise_signal(signal.SIGTERM)
print("never")
