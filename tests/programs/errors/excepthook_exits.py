import sys


def hook(kind, value, trace):
    print("leaving", flush=True)
    sys.exit(7)


sys.excepthook = hook
raise ValueError("x")
