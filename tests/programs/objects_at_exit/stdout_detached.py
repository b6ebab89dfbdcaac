import sys

buffer = sys.stdout.detach()
buffer.write(b"by the buffer\n")
try:
    print("x")
except ValueError as error:
    buffer.write(str(error).encode())
