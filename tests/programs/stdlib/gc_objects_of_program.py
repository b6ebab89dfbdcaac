# The program's own objects are found by the collector, in their generation.
import gc


class Mine:
    pass


mine = Mine()
print(sum(isinstance(o, Mine) for o in gc.get_objects()), sum(isinstance(o, Mine) for o in gc.get_objects(0)))
gc.collect()
print(sum(isinstance(o, Mine) for o in gc.get_objects(2)), globals() in gc.get_objects())
