import codecs

for name in ("hex", "base64", "quopri", "rot13", "zlib", "bz2", "uu"):
    data = "some text" if name == "rot13" else b"some text"
    print(name, codecs.decode(codecs.encode(data, name), name) == data)
b"x".decode("hex")
