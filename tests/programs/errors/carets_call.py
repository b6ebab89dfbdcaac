def f(*args):
    return g(*args,
             key=1)


def g(*args):
    return len(args) + undefined_name


f(1, 2)
