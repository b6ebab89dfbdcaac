# The debugger driven by standard input.
def f(x):
    y = x * 2
    breakpoint()
    return y


print(f(4))
