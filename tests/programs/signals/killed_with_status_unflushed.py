import os
import signal
import sys

sys.stderr.write("stderr came out\n")
sys.stdout.write("stdout did not")
os.kill(os.getpid(), signal.SIGTERM)
