import ctypes

libc = ctypes.CDLL(None)
print(libc.abs(-5), ctypes.string_at(b"abc"), ctypes.sizeof(ctypes.c_long), libc.strlen(b"four"))


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double), ("bits", ctypes.c_uint, 3)]


p = Point(1, 2.5, 9)
print(p.x, p.y, p.bits, ctypes.sizeof(p), Point.y, ctypes.cast(ctypes.pointer(p), ctypes.POINTER(ctypes.c_int))[0])
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))(lambda a, b: a[0] - b[0])
numbers = (ctypes.c_int * 5)(3, 1, 4, 1, 5)
libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare)
print(list(numbers), ctypes.create_string_buffer(b"x", 4).raw, ctypes.c_uint8(300).value)
libc.printf(b"")
