from decimal import ROUND_HALF_UP, Decimal, getcontext, localcontext

print(getcontext(), Decimal("0.1") + Decimal("0.2"), Decimal(1) / 7, Decimal(0.1), Decimal("1.10").normalize())
with localcontext() as context:
    context.prec = 50
    print(Decimal(2).sqrt(), Decimal(1).exp(), Decimal("1e3").to_eng_string())
print(Decimal("2.675").quantize(Decimal("0.01"), ROUND_HALF_UP), Decimal("NaN"), Decimal("-Infinity") < 1, Decimal("3.14").as_tuple())
Decimal(1) / 0
