def numbers():
    try:
        me = yield
        yield me
    finally:
        print("closed")


def start():
    generator = numbers()
    next(generator)
    generator.send(generator)


start()
print("end")
