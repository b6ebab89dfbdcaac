import os
import signal

print("lost")
os.write(1, b"kept\n")
os.kill(os.getpid(), signal.SIGKILL)
