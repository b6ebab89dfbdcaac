def careful():
    while True:
        try:
            value = yield
            print("got", value)
        except ValueError as error:
            print("caught", error)
        except GeneratorExit:
            print("closing")
            raise


g = careful()
next(g)
g.send(1)
g.throw(ValueError("thrown"))
g.close()


def stubborn():
    while True:
        try:
            yield
        except GeneratorExit:
            pass


s = stubborn()
next(s)
s.close()
