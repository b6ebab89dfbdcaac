def make():
    try:
        1 / 0
    except ZeroDivisionError as error:
        return error.__traceback__


raise ValueError("borrowed").with_traceback(make())
