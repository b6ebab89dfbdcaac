import atexit
import os

atexit.register(os._exit, 12)
print("lost at the end")
