class Node:
    next = None


node = Node()
node.next.next.value = (1 +
                        2)
