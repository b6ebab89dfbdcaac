# A signal while the interpreter leaves.
import atexit
import signal

signal.signal(signal.SIGTERM, lambda *details: print("handled in atexit"))
atexit.register(signal.raise_signal, signal.SIGTERM)
print("main")
