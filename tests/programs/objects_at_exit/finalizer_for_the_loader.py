import sys
type(__loader__).__del__ = lambda s: print("bye")
