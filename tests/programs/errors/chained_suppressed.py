try:
    1 / 0
except ZeroDivisionError:
    raise TypeError("hidden context") from None
