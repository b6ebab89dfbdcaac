import sys

print(len(str(10**4299)))
try:
    str(10**4300)
except ValueError as error:
    print(error)
sys.set_int_max_str_digits(0)
print(len(str(10**10000)))
sys.set_int_max_str_digits(640)
int("1" * 641)
