import os

os.environ["NEW"] = "value"
os.putenv("OTHER", "x")
del os.environ["LANG"]
print(sorted(os.environ), os.path.expanduser("~/x"), os.path.expandvars("$NEW ${HOME} $NONE"))
os.environ["MISSING"]
