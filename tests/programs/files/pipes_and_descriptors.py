import os

read_end, write_end = os.pipe()
os.write(write_end, b"through")
os.close(write_end)
with os.fdopen(read_end) as file:
    print(file.read(), file.fileno())
descriptor = os.open("f", os.O_RDWR | os.O_CREAT, 0o600)
print(descriptor, os.pwrite(descriptor, b"abcdef", 2), os.pread(descriptor, 3, 3), os.lseek(descriptor, 0, os.SEEK_END))
os.writev(descriptor, [b"g", b"hi"])
print(os.read(os.open("f", os.O_RDONLY), 100), os.get_inheritable(descriptor))
os.close(descriptor)
os.close(descriptor)
