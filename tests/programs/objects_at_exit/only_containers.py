"""Containers of containers, functions, bound methods, closures and cycles: nothing of it is heard of at the end."""


def counter():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    return step


step = counter()
cycle = []
cycle.append(cycle)
table = {n: [str(n)] * n for n in range(100)}
table["self"] = table
methods = [cycle.append, table.get, counter, print, len, step]
frozen = frozenset(range(10)) | {("a", (1, 2))}
function_with_attribute = counter
function_with_attribute.itself = function_with_attribute
print(step(), step(), len(table), len(methods), sorted(map(str, frozen))[:2])
