import atexit
import os
import sys

atexit.register(print, "never")
print("kept", flush=True)
sys.stdout.write("lost")
sys.stderr.write("stderr is written at once")
os._exit(0)
