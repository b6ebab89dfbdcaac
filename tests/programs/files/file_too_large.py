# More than the largest file allowed.
with open("sparse.bin", "wb") as file:
    file.seek(17 << 20)
    file.write(b"x")
