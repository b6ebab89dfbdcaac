import weakref


class Thing:
    pass


def callback(reference):
    raise ValueError("in callback")


thing = Thing()
reference = weakref.ref(thing, callback)
del thing
print("end")
