import os

print("lost, for it is still in the buffer")
os._exit(7)
