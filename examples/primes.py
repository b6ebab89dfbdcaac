import math

n = int(input())
sieve = [True] * (n + 1)
for i in range(2, math.isqrt(n) + 1):
    if sieve[i]:
        for multiple in range(i * i, n + 1, i):
            sieve[multiple] = False
for i in range(2, n + 1):
    if sieve[i]:
        print(i)
