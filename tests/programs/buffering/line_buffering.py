import os
import sys

sys.stdout.reconfigure(line_buffering=True)
print("line at once")
sys.stdout.write("no line yet")
os.write(1, b"[raw]\n")
print()
