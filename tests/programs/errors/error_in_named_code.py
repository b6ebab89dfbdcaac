code = compile("a = 1\n\nb = a.missing", "<my code>", "exec")
exec(code, {"__name__": "other"})
