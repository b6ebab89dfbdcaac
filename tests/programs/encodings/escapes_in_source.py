print("\x41\u00fc\N{GREEK SMALL LETTER ALPHA}\101\U0001F600", b"\xff\0", r"\n", "a\
b")
