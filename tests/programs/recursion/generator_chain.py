def count(n):
    if n:
        yield n
        yield from count(n - 1)


print(sum(count(300)))
print(sum(count(2000)))
