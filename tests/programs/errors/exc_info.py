import sys
import traceback

try:
    (lambda: {}[1])()
except KeyError:
    kind, value, trace = sys.exc_info()
    print(kind, value, trace.tb_lineno, trace.tb_next.tb_frame.f_code.co_name, traceback.extract_tb(trace))
print(sys.exc_info(), sys.exception())
