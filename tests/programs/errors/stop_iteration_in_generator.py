def numbers():
    yield 1
    next(iter(()))


print(list(numbers()))
