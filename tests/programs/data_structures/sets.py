a, b = {1, 2, 3, "x"}, frozenset([3, 4])
print(sorted(map(str, a | b)), a & b, sorted(map(str, a ^ b)), a - b, a >= {1}, a.isdisjoint(b), len(a), {x % 3 for x in range(10)})
print({"apple", "banana", "cherry", "date", "elderberry"})
a.remove("missing")
