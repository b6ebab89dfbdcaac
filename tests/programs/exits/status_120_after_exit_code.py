# The failed flush wins over the program's own status.
import os
import sys

print("x")
os.close(1)
sys.exit(5)
