# The work directory holds 16 MiB.
with open("big.bin", "wb") as file:
    for number in range(15):
        file.write(b"x" * (1 << 20))
print("15 MiB written")
with open("more.bin", "wb", buffering=0) as file:
    while True:
        file.write(b"y" * (1 << 20))
