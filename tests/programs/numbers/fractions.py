from fractions import Fraction

print(Fraction(1, 3) + Fraction("0.25"), Fraction(0.1).limit_denominator(100), Fraction("-7/3") // 1, Fraction(3, 4) ** -2, float(Fraction(1, 7)))
print(sorted([Fraction(1, 2), 0.3, 1]), repr(Fraction(6, -4)), Fraction(1, 2) == 0.5, hash(Fraction(1, 2)) == hash(0.5))
Fraction(1, 0)
