import collections
import pickle
import pickletools


class Thing:
    def __init__(self, x):
        self.x = x

    def __reduce__(self):
        return (Thing, (self.x + 1,))


data = {"a": [1, 2.5, None], "t": (1, {2}), "o": collections.OrderedDict(b=1), "thing": Thing(1)}
for protocol in range(6):
    packed = pickle.dumps(data, protocol)
    print(protocol, len(packed), pickle.loads(packed)["thing"].x)
pickletools.dis(pickle.dumps([1, "a"], 4))
pickle.dumps(lambda: 0)
