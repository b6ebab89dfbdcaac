try:
    raise ExceptionGroup("context", [ValueError(1)])
except ExceptionGroup:
    raise LookupError("after the group")
