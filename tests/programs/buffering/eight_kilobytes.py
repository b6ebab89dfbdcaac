# When the buffers run over.
import os
import sys

for number in range(3000):
    sys.stdout.write(f"{number:05d}\n")
    if number % 500 == 0:
        os.write(1, b"[raw %d]\n" % number)
