class Node:
    def __init__(self, name):
        self.name = name
        self.me = self

    def __del__(self):
        print("del", self.name)


for number in range(4):
    Node(number)
print("end")
