import io

b = io.BytesIO(b"line one\nline two")
print(b.readline(), b.tell(), b.getbuffer()[:4].tobytes(), b.seek(-3, 2), b.read(), b.truncate(4), b.getvalue())
s = io.StringIO(newline=None)
s.write("a\r\nb\rc")
print(repr(s.getvalue()), s.seek(0), list(s))
s.seek(1, 1)
