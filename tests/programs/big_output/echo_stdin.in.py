b"".join(b"line %d of the input\n" % n for n in range(40000))
