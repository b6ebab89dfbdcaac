import os

print("never seen")
os.close(1)
os.close(2)
