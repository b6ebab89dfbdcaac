import gc


class Node:
    def __init__(self):
        self.me = self

    def __del__(self):
        print("del")


Node()
gc.freeze()
print("end")
