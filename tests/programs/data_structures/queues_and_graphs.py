import graphlib
import queue

jobs = queue.PriorityQueue()
for item in [(3, "c"), (1, "a"), (2, "b")]:
    jobs.put(item)
print([jobs.get()[1] for _ in range(3)], queue.LifoQueue().empty())
print(list(graphlib.TopologicalSorter({"d": {"b", "c"}, "b": {"a"}, "c": {"a"}}).static_order()))
try:
    queue.Queue().get_nowait()
except queue.Empty as error:
    print(repr(error))
list(graphlib.TopologicalSorter({"a": ["b"], "b": ["a"]}).static_order())
