def load():
    return int("x")


try:
    load()
except ValueError:
    print(undefined)
