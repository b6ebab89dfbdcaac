import os
type(os.environ).__del__ = lambda self, w=os.write: w(1, b"bye\n")
