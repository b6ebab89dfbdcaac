import ctypes


@ctypes.CFUNCTYPE(ctypes.c_int)
def callback():
    raise ValueError("in a callback from C")


callback()  # what it returns is undefined
