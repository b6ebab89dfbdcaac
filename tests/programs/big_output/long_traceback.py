# A long message in an exception.
raise ValueError("m" * 100000)
