# Only the file is left of the two: the directory is cleaned up by its finalizer.
import os
import tempfile


class Check:
    def __del__(self):
        print(sum(name.startswith("tmp") for name in os.listdir("/tmp")))


zz_check = Check()
directory = tempfile.TemporaryDirectory()
file = tempfile.NamedTemporaryFile()
print(len(os.listdir("/tmp")))
