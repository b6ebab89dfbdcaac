class Node:
    def __init__(self, name):
        self.name = name
        self.peer = None

    def __del__(self):
        print("del", self.name, self.peer.name)


a, b = Node("a"), Node("b")
a.peer, b.peer = b, a
selfish = Node("selfish")
selfish.peer = selfish
print("end")
