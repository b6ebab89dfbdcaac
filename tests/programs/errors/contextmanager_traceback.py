import contextlib


@contextlib.contextmanager
def manager():
    print("enter")
    try:
        yield
    finally:
        print("exit")


with manager():
    raise ValueError("inside")
