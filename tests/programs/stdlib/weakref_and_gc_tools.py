import gc
import weakref


class Node:
    pass


gc.collect()
node = Node()
node.me = node
watch = weakref.ref(node)
print(gc.is_tracked(node), gc.is_tracked(1), gc.is_finalized(node), len(gc.get_referrers(node)), type(gc.get_referents(node)[0]).__name__)
del node
print(watch() is None, gc.collect() >= 1, watch() is None)
