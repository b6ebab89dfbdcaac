class Loop:
    def __getattr__(self, name):
        return getattr(self, name + "x"[:0])


try:
    Loop().missing
except RecursionError as error:
    print(type(error).__name__, error)
