# A suspended generator is closed at the end.
def numbers():
    try:
        yield 1
        yield 2
    finally:
        print("closed")


generator = numbers()
print(next(generator))
