import os

data = memoryview(b"z" * 500000)
while data:
    data = data[os.write(1, data) :]
