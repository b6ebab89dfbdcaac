class Noisy:
    def __del__(self):
        raise ValueError("in __del__")


def f():
    Noisy()
    print("after")


f()
