# A cycle in the chain is printed once.
a, b = ValueError("a"), ValueError("b")
a.__cause__, b.__cause__ = b, a
raise a
