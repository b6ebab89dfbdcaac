def decorate(function):
    raise TypeError(f"not {function.__name__}")


@decorate
def f():
    pass
