import math

print(0.1 + 0.2, 1e308 * 10, -0.0, float("nan") == float("nan"), 1 / 3, 1e16, 1e-5, 123456789.123456789, 5e-324, 1e22, 1e23)
print((0.1).hex(), float.fromhex("0x1.8p3"), (2.5).is_integer(), (0.75).as_integer_ratio(), repr(1.0), str(1e100), 3.0.__round__(1))
print(math.inf > 1e308, math.nan, round(2.675, 2), math.fsum([0.1] * 10), sum([0.1] * 10), 7.5 % -2, -7.5 // 2, 2**0.5)
print(f"{1e10:.3e} {0.000123:g} {1234.5678:10.2f}| {float('inf'):f} {0.5:%}")
