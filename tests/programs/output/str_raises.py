# __str__ that raises in print: what stood before it is out.
class Bad:
    def __str__(self):
        raise ValueError("no text")


print("before", Bad(), "after")
