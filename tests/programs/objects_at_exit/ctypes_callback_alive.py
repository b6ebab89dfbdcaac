import ctypes


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
def double(x):
    return 2 * x


class Thing:
    def __del__(self):
        print("del", double and double(21))


aa_thing = Thing()
print(double(4))
