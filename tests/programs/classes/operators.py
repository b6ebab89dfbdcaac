class Vector:
    def __init__(self, *parts):
        self.parts = parts

    def __add__(self, other):
        if not isinstance(other, Vector):
            return NotImplemented
        return Vector(*(a + b for a, b in zip(self.parts, other.parts)))

    def __mul__(self, factor):
        return Vector(*(a * factor for a in self.parts))

    __rmul__ = __mul__

    def __eq__(self, other):
        return self.parts == other.parts

    def __repr__(self):
        return f"<{', '.join(map(str, self.parts))}>"

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, index):
        return self.parts[index]

    def __bool__(self):
        return any(self.parts)

    def __matmul__(self, other):
        return sum(a * b for a, b in zip(self, other))

    def __format__(self, spec):
        return "|".join(format(p, spec) for p in self)


v, w = Vector(1, 2), Vector(3, 4)
print(v + w, 2 * v, v == Vector(1, 2), v[1], v[-1:], list(v), bool(Vector(0, 0)), v @ w, f"{v:.1f}", 2 in v, *reversed(w))
try:
    hash(v)
except TypeError as error:
    print(error)
v + 1
