import faulthandler
import sys


def f():
    with open("dump", "w+") as file:
        faulthandler.dump_traceback(file, all_threads=False)
        file.seek(0)
        print(file.read())


print(faulthandler.is_enabled())
f()
