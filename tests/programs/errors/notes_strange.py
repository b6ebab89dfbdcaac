error = ValueError("strange notes")
error.__notes__ = ["text", 42, None, "lone \udcff"]
raise error
