# print() with sys.stdout set to None does nothing.
import sys

keep = sys.stdout
sys.stdout = None
print("nowhere")
sys.stdout = keep
print("end")
