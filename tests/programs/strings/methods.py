s = "  Hello, World  "
print(s.strip(), s.lower(), s.upper().swapcase(), s.split(","), s.replace("l", "L", 2), s.find("World"), s.count("o"), s.title())
print("a-b-c".partition("-"), "a-b-c".rpartition("-"), "x".join("abc"), "abc".center(9, "*"), "42".zfill(5), "a\tb".expandtabs(4))
print("ß".upper(), "İ".lower(), "ǆ".title(), "Straße".casefold(), "½".isnumeric(), "²".isdigit(), "abc".isidentifier(), "a b".istitle())
print("prefix.txt".removesuffix(".txt").removeprefix("pre"), "abc".translate({97: "X", 98: None}), "%s" % ("x",), "abc"[::-1], "a" < "B")
"abc".index("x")
