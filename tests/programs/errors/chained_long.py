# A chain of ten, alternating cause and context.
def nest(n):
    try:
        if n:
            nest(n - 1)
        raise KeyError(n)
    except KeyError as error:
        if n % 2:
            raise ValueError(n) from error
        raise LookupError(n)


nest(10)
