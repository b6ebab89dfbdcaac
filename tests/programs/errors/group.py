def fail(kind, text):
    try:
        raise kind(text)
    except Exception as error:
        return error


raise ExceptionGroup("several", [fail(ValueError, "one"), fail(TypeError, "two")])
