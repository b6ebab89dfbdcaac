import gc
gc.callbacks.append(lambda p, i: print(p, i))
