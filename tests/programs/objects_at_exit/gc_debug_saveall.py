import gc


class Node:
    pass


gc.collect()
gc.set_debug(gc.DEBUG_SAVEALL)
node = Node()
node.me = node
del node
gc.collect()
print([type(x).__name__ for x in gc.garbage])
gc.set_debug(0)
gc.garbage.clear()
