import weakref


class Node:
    def __init__(self, name):
        self.name = name


a, b = Node("a"), Node("b")
table = weakref.WeakValueDictionary(a=a, b=b)
keys = weakref.WeakKeyDictionary({a: 1})
proxy = weakref.proxy(b)
print(sorted(table), proxy.name, len(keys))
del a
print(sorted(table), len(keys), weakref.getweakrefcount(b))
del b
proxy.name
