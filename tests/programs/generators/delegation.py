def inner():
    x = yield "first"
    try:
        yield f"got {x}"
    finally:
        print("inner left")
    return "result"


def outer():
    result = yield from inner()
    yield f"inner gave {result}"
    yield from "ab"
    yield from outer_fails()


def outer_fails():
    yield 1
    raise KeyError("in the innermost")


g = outer()
print(next(g), g.send("value"), next(g))
for item in g:
    print(item)
