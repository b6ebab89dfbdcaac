import sys


def hook(kind, value, trace):
    raise RuntimeError("the hook failed")


sys.excepthook = hook
raise ValueError("for the hook")
