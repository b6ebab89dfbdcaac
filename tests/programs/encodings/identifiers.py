# Identifiers beyond ASCII are normalised.
größe = 3
ﬁeld = 4
переменная = größe + field
print(переменная, [name for name in globals() if not name.startswith("__")])
