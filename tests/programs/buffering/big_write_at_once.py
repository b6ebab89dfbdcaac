import os
import sys

sys.stdout.write("x" * 9000)
os.write(1, b"\n[raw]\n")
sys.stdout.write("y" * 100 + "\n")
