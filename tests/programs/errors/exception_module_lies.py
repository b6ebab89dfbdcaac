class Odd(Exception):
    __module__ = 42


raise Odd("module is a number")
