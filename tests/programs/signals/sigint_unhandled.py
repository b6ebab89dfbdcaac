import atexit
import os
import signal

atexit.register(print, "atexit")
print("out")
os.kill(os.getpid(), signal.SIGINT)
while True:
    pass
