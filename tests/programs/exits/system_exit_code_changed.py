error = SystemExit(4)
error.code = "changed"
raise error
