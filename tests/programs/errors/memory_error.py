# More than can be addressed: refused at once.
try:
    "x" * (2**62)
except MemoryError as error:
    print(repr(error))
bytearray(2**62)
