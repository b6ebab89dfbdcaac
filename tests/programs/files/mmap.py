import mmap

area = mmap.mmap(-1, 8192)
area.write(b"hello")
area.seek(0)
print(area.read(5), area.find(b"llo"), len(area), area[8191])
area[0:5] = b"HELLO"
print(bytes(area[:6]))
area.close()
with open("m.bin", "w+b") as file:
    file.write(b"0123456789" * 500)
    file.flush()
    with mmap.mmap(file.fileno(), 0) as mapped:
        mapped[3:6] = b"abc"
        mapped.flush()
print(open("m.bin", "rb").read(12))
area[0]
