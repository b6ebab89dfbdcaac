import os
import signal

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
read_end, write_end = os.pipe()
os.close(read_end)
print("kept", flush=True)
os.write(write_end, b"x")
