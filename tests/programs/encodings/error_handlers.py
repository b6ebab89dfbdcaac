import codecs

for handler in ("ignore", "replace", "backslashreplace", "xmlcharrefreplace", "namereplace"):
    print(handler, "aü€😀".encode("ascii", handler))
for handler in ("ignore", "replace", "backslashreplace", "surrogateescape"):
    print(handler, ascii(b"a\xff\xc3b\xe2\x82".decode("utf-8", handler)))
codecs.register_error("mine", lambda error: ("?" * (error.end - error.start), error.end))
print("aüb€€".encode("ascii", "mine"))
