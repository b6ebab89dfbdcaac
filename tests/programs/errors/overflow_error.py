try:
    2.0 ** 5000
except OverflowError as error:
    print(error)
"x" * 2**70
