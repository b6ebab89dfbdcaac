# The message names the program as it was started: python3.
import ctypes

ctypes.CDLL(None).no_such_function
