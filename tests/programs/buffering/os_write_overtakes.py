import os

print("first in the program, second in the output")
os.write(1, b"second in the program, first in the output\n")
print("third")
