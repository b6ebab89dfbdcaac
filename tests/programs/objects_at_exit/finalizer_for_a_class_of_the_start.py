type(exit).__del__ = lambda self: print("bye")
