import random

random.seed(1)
data = [random.randrange(1000) for _ in range(300)]


def quick(items):
    return quick([x for x in items[1:] if x < items[0]]) + items[:1] + quick([x for x in items[1:] if x >= items[0]]) if items else []


def merge(items):
    if len(items) < 2:
        return items
    a, b = merge(items[: len(items) // 2]), merge(items[len(items) // 2 :])
    out = []
    while a and b:
        out.append(a.pop(0) if a[0] <= b[0] else b.pop(0))
    return out + a + b


assert quick(data) == merge(data) == sorted(data)
print(sorted(data)[:10], sum(data))
