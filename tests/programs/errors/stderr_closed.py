# Nowhere to print the traceback.
import sys

print("out")
sys.stderr.close()
raise ValueError("unseen")
