def caught(error, cause=None):
    try:
        raise error from cause
    except Exception as held:
        return held


inner = ExceptionGroup("inner", [caught(KeyError("k")), caught(OSError(2, "gone"), caught(ValueError("why")))])
inner.add_note("a note on the group")
raise ExceptionGroup("outer", [caught(ValueError("v")), inner, caught(caught(TypeError("t")))])
