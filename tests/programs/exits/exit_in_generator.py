import sys


def numbers():
    try:
        yield 1
        sys.exit(8)
    finally:
        print("generator left")


for number in numbers():
    print(number)
