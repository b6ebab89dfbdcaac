print(2**200, -7 // 2, -7 % 2, divmod(-7, 2), 7 // -2, int("z", 36), 0xFF, 0o17, 0b101, 1_000_000)
print((255).to_bytes(2, "big"), int.from_bytes(b"\x01\x00", "little"), (10).bit_length(), (255).bit_count(), ~5, 5 ^ 3, 1 << 70)
print(pow(3, -1, 7), pow(2, 100, 97), round(2.5), round(-1.5), round(12345, -2), abs(-3), (3).as_integer_ratio())
print(hash(2**61 - 1), hash(-1), True + True, int(1e20), 10**18 * 10**18, hex(-255), f"{10**30:,}")
1 // 0
