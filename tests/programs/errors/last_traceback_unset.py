import sys

print(hasattr(sys, "last_type"), hasattr(sys, "last_value"), hasattr(sys, "last_traceback"))
