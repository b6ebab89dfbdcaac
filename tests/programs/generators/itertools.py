import itertools as it

print(list(it.permutations("abc", 2)), list(it.combinations(range(4), 3)), list(it.product("ab", repeat=2)), list(it.accumulate([1, 2, 3, 4], lambda a, b: a * b)))
print([(k, list(g)) for k, g in it.groupby("aabbbc")], list(it.islice(it.count(5, 3), 4)), list(it.zip_longest("ab", "c", fillvalue="-")), list(it.pairwise("abcd")))
print(list(it.chain.from_iterable(["ab", "c"])), list(it.takewhile(lambda x: x < 3, range(9))), list(it.starmap(pow, [(2, 3)])), list(it.compress("abc", [1, 0, 1])))
print(it.count(3), it.repeat("x", 2), list(it.combinations_with_replacement("ab", 2)), [next(t) for t in it.tee(iter("xy"))], list(it.dropwhile(str.isalpha, "ab1c")))
list(it.islice([1], -1))
