import sys

code = sys._getframe().f_code
print(code.co_name, code.co_qualname, code.co_filename, code.co_firstlineno, code.co_names, code.co_flags, code.co_varnames)
print(sys._getframe().f_globals is globals(), sys._getframe().f_builtins["len"], sys._getframe().f_trace, sys._getframe().f_back)
