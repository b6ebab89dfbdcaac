items = [3, 1, 2]
items.sort(reverse=True)
items[1:2] = [9, 8, 7]
items.insert(0, "x")
del items[-1]
print(items, items * 2, items[::-2], [*items, *"ab"], sorted("banana"), list(reversed(items)), items.index(9), items.count(9))
first, *middle, last = range(6)
print(first, middle, last, [[0] * 2] * 2, [x for row in [[1, 2], [3]] for x in row if x != 2], max(items[1:], default=0))
items.remove("missing")
