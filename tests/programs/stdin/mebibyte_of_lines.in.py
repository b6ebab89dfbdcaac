b"".join(b"%d\n" % n for n in range(155000))
