import fnmatch
import glob
import os

for name in ("a.py", "b.py", "c.txt", ".hidden.py", "d[1].py"):
    open(name, "w").close()
print(sorted(glob.glob("*.py")), sorted(glob.glob("[ab].*")), glob.glob(glob.escape("d[1].py")))
print(fnmatch.filter(["x.py", "y.PY"], "*.py"), fnmatch.translate("a*[!b]?"))
