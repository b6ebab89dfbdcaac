import math

print(math.sqrt(2), math.sin(1), math.exp(1), math.log(10, 2), math.gamma(5.5), math.erf(0.5), math.hypot(3, 4, 12))
print(math.factorial(30), math.comb(50, 25), math.perm(10, 3), math.gcd(12, 18, 27), math.lcm(4, 6), math.isqrt(10**20), math.prod([1, 2, 3]))
print(math.floor(-1.5), math.ceil(-1.5), math.trunc(-1.5), math.modf(3.25), math.frexp(10), math.ldexp(0.5, 4), math.nextafter(1, 2), math.ulp(1))
print(math.isclose(0.1 + 0.2, 0.3), math.copysign(1, -0.0), math.remainder(7, 4), math.fmod(-7, 4), math.degrees(math.pi), math.cbrt(27), math.exp2(3))
math.sqrt(-1)
