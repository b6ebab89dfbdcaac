import traceback

for error in (ValueError(), ValueError(""), ValueError(None), ValueError("", ""), KeyError(""), KeyError("two\nlines")):
    traceback.print_exception(error)
raise ValueError("two\nlines")
