class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *details):
        raise RuntimeError("in __exit__")


with Manager():
    raise ValueError("inside")
