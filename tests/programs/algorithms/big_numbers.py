import math

a, b = 0, 1
for _ in range(5000):
    a, b = b, a + b
print(a, math.factorial(400), pow(3, 10**6, 10**9 + 7), sep="\n")
