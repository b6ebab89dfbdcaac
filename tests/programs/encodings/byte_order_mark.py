# A byte order mark in front.
print("after the mark", ascii("ü"))
print(open(__file__, "rb").read(3))
1 / 0
