import codecs
import io

decoder = codecs.getincrementaldecoder("utf-8")()
print([decoder.decode(bytes([byte])) for byte in "€ü".encode()])
reader = io.TextIOWrapper(io.BytesIO("a\r\nb\rc\nü".encode("utf-16")), "utf-16", newline=None)
print(reader.readlines(), reader.newlines)
decoder.decode(b"\xff")
