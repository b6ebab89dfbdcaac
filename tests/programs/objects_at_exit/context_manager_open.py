import contextlib


@contextlib.contextmanager
def manager():
    print("enter")
    yield
    print("exit never printed")


held = manager()
held.__enter__()
