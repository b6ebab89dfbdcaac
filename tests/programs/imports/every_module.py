# Every module of the library that comes without side effects, or the error it gives.
import importlib
import sys
import warnings

warnings.simplefilter("ignore")
skipped = {"antigravity", "this", "idlelib", "turtledemo", "__main__"}
for name in sorted(sys.stdlib_module_names - skipped):
    try:
        importlib.import_module(name)
        print(name)
    except Exception as error:
        print(name, type(error).__name__, error)
