# Warnings of the compiler about the program itself.
x = 1
assert (x, "always true")
if x is 1:
    print("\d")
print((1) == 1, "text" is "text")
[1, 2][0, 1] if False else None
