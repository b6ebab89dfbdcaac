import sys
import zipfile

with zipfile.ZipFile("lib.zip", "w") as archive:
    archive.writestr("inzip.py", "def f():\n    return 1 / 0\n")
sys.path.insert(0, "lib.zip")
import inzip

print(inzip.__file__, type(inzip.__loader__).__name__)
inzip.f()
