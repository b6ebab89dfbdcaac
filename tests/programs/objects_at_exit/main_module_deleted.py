import sys


class Thing:
    def __del__(self):
        print("del")


thing = Thing()
del sys.modules["__main__"]
print("end")
