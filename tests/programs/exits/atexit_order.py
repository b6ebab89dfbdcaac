import atexit

for number in range(3):
    atexit.register(print, "handler", number)


@atexit.register
def last_in():
    print("registered last, called first")


atexit.register(print, "twice")
atexit.register(print, "twice")
print("end of main")
