def gen():
    try:
        yield 1
    except KeyError as error:
        raise ValueError("converted") from error


g = gen()
next(g)
g.throw(KeyError("thrown in"))
