import os
import sys

sys.stdout.reconfigure(write_through=True)
sys.stdout.write("goes to the binary buffer;")
os.write(1, b"[raw]")
sys.stdout.buffer.flush()
