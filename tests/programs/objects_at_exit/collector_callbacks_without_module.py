import gc, sys
n = []
gc.callbacks.append(lambda p, i: print("cb"))
del sys.modules['gc'], gc
x = [[] for i in range(700)]
del x
print("end")
