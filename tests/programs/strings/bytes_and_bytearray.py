b = b"Hello\x00\xff"
a = bytearray(b)
a[0] = 74
a += b"!"
print(b, a, b.hex("-"), bytes.fromhex("00ff 10"), b[1], b[1:3], b.split(b"l"), memoryview(a)[1:4].tobytes(), a.pop(), bytes(3))
print(b"abc".translate(bytes.maketrans(b"a", b"z")), b"%d %s" % (1, b"x"), b"a" in b"cat", b"\n\t\\'\"")
view = memoryview(bytearray(12)).cast("i", (3,))
view[1] = -1
print(view.tolist(), view.format, view.shape, view.nbytes)
a[0] = 256
