async def numbers():
    yield 1


print(type(numbers()).__name__)
for n in numbers():
    pass
