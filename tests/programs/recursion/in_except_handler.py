import sys


def f(n):
    try:
        f(n + 1)
    except RecursionError:
        raise ValueError(f"too deep")


try:
    f(0)
except ValueError as error:
    count, cause = 0, error
    while cause:
        count, cause = count + 1, cause.__context__
    print(count)
