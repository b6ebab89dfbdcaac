import gzip
import io
import zlib

data = b"compress me " * 100
packed = zlib.compress(data, 9)
print(len(packed), zlib.crc32(data), zlib.adler32(data), zlib.decompress(packed) == data)
held = io.BytesIO()
with gzip.GzipFile(fileobj=held, mode="wb", mtime=0) as file:
    file.write(data)
print(len(held.getvalue()), gzip.decompress(held.getvalue()) == data)
zlib.decompress(packed[:-5])
