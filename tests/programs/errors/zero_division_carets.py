# The carets under the part of the line that failed.
def f(a, b):
    return 1 + a / b + 2


print(f(1, 2))
print(f(1, 0))
