error = ValueError("notes is a number")
error.__notes__ = 42
raise error
