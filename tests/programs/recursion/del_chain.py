# A long chain of objects going at once.
class Node:
    def __init__(self, next):
        self.next = next


head = None
for _ in range(200000):
    head = Node(head)
head = None
print("freed")
