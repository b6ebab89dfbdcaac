import sys

print("y" * 300000)
sys.exit(9)
