class Odd(Exception):
    pass


Odd.__module__ = "elsewhere"
Odd.__qualname__ = "Some.Other"
raise Odd("name")
