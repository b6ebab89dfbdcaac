import struct

print(struct.pack("<bHiQfd?3s", -1, 2, -3, 4, 0.5, 0.25, True, b"ab"), struct.unpack(">HH", b"\x00\x01\x00\x02"), struct.calcsize("@bi"))
print(list(struct.iter_unpack("<h", b"\x01\x00\xff\xff")), struct.Struct("=2x5p").pack(b"abc"), struct.unpack("<e", b"\x00\x3c"))
struct.pack("b", 200)
