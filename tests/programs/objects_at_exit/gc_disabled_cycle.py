import gc


class Node:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("del")


gc.disable()
Node()
print("end", gc.isenabled())
