import os

file = os.fdopen(1, "w", closefd=False, buffering=1)
print("second")
print("first", file=file)
