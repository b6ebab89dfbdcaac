import cmath

z = 3 + 4j
print(z, abs(z), z.conjugate(), z * 1j, z**2, complex("1-2j"), cmath.sqrt(-1), cmath.polar(z), cmath.exp(1j * cmath.pi), -0j, 1j**1j)
print(z == complex(3, 4), z / (1 - 1j), f"{z:.2f}")
z < 1
