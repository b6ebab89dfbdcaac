# The C library's own buffer is written after Python's, when the process ends.
import ctypes

ctypes.CDLL(None).printf(b"from C: %d\n", 42)
print("from Python")
