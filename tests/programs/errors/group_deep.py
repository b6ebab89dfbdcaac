error = ValueError("bottom")
for level in range(14):
    error = ExceptionGroup(f"level {level}", [error])
raise error
