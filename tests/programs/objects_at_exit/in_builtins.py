import builtins


class Thing:
    def __del__(self, print=print):
        print("deleted from builtins")


builtins.thing = Thing()
print("end")
