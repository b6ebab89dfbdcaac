from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple

Point = namedtuple("Point", "x y", defaults=[0])
queue = deque(range(5), maxlen=4)
queue.rotate(1)
counts = Counter("mississippi")
print(Point(1), Point(1, 2)._replace(x=5), queue, counts.most_common(2), counts - Counter("miss"), +Counter(a=-1), Point._fields)
groups = defaultdict(list)
groups["a"].append(1)
ordered = OrderedDict(a=1, b=2)
ordered.move_to_end("a")
print(groups, ordered, ChainMap({"a": 1}, {"a": 2, "b": 3})["b"], UserDict(x=1), ordered == {"a": 1, "b": 2})
Point(1, 2).x = 3
