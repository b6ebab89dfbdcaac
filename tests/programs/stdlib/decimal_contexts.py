import decimal

decimal.getcontext().traps[decimal.Inexact] = True
print(decimal.Decimal("1.5") + 1)
decimal.Decimal(1) / 3
