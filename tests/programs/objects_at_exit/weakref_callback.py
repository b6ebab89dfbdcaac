import weakref


class Thing:
    pass


thing = Thing()
reference = weakref.ref(thing, lambda r: print("callback"))
other = weakref.WeakValueDictionary(k=thing)
print("end")
