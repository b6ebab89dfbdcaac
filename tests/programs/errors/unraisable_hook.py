import sys


def hook(args):
    print("hook:", args.exc_type.__name__, args.exc_value, args.err_msg, args.object.__qualname__)


class Noisy:
    def __del__(self):
        raise ValueError("in __del__")


sys.unraisablehook = hook
Noisy()
print("end")
