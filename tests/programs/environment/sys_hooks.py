import sys

print(sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.unraisablehook is sys.__unraisablehook__)
print(sys.breakpointhook is sys.__breakpointhook__, sys.gettrace(), sys.getprofile(), sys.get_asyncgen_hooks())
print(sys.get_coroutine_origin_tracking_depth(), sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits())
print(sys.exc_info(), sys.is_finalizing(), sys.getallocatedblocks() > 0, sys._xoptions, sys.warnoptions, hasattr(sys, "ps1"))
