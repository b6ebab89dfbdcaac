import sys

for line in iter(sys.stdin.readline, "END\n"):
    print(line.split())
print(sys.stdin.read())
