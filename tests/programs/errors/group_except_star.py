try:
    raise ExceptionGroup("g", [ValueError(1), TypeError(2), KeyError(3)])
except* ValueError as group:
    print("values", group.exceptions)
except* TypeError as group:
    raise RuntimeError("while handling") from group
