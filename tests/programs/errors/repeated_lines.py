# Repeated frames are counted, not printed.
def even(n):
    return odd(n - 1)


def odd(n):
    if n < 0:
        raise ValueError("below zero")
    return even(n - 1)


def down(n):
    return down(n - 1) if n else even(4)


down(20)
