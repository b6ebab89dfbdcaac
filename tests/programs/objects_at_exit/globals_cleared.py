class Thing:
    def __del__(self, print=print):
        print("del")


thing = Thing()
say = print
g = globals()
say("before")
g.clear()
