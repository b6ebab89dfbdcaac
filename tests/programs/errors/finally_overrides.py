def f():
    try:
        raise ValueError("lost")
    finally:
        return "kept"


def g():
    try:
        raise ValueError("first")
    finally:
        {}["second"]


print(f())
g()
