"""
>>> 1 + 1
2
>>> [x for x in "ab"]
['a', 'b']
>>> print("wrong")
right
>>> 1 / 0
Traceback (most recent call last):
ZeroDivisionError: division by zero
"""
import doctest

print(doctest.testmod())
