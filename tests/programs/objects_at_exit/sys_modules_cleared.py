import sys


class Thing:
    def __del__(self):
        print("del")


thing = Thing()
sys.modules.clear()
print("end")
