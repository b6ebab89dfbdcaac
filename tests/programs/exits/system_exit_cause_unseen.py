# The chain of a SystemExit is not shown.
try:
    1 / 0
except ZeroDivisionError as error:
    raise SystemExit("leaving") from error
