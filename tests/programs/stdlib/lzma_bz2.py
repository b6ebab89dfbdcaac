import bz2
import lzma

data = b"compress me " * 100
print(len(bz2.compress(data)), bz2.decompress(bz2.compress(data)) == data, bz2.compress(b"")[:4])
print(len(lzma.compress(data)), lzma.decompress(lzma.compress(data, format=lzma.FORMAT_ALONE)) == data)
with lzma.open("x.xz", "wt") as file:
    file.write("text\n")
print(lzma.open("x.xz", "rt").read(), end="")
lzma.decompress(b"not lzma at all")
