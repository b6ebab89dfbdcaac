import copy

original = {"list": [1, [2, 3]], "tuple": ([4],)}
original["self"] = original
shallow, deep = copy.copy(original), copy.deepcopy(original)
original["list"][1].append(99)
print(shallow["list"], deep["list"], deep["self"] is deep, shallow["self"] is original)


class Thing:
    def __init__(self):
        self.parts = [1]

    def __deepcopy__(self, memo):
        raise TypeError("not to be copied")


copy.deepcopy([Thing()])
