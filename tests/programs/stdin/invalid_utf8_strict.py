import sys

sys.stdin.reconfigure(errors="strict")
print("before")
for line in sys.stdin:
    print(line)
