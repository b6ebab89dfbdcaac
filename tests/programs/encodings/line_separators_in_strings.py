text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh"
print(text.splitlines(), text.split("\n"))
