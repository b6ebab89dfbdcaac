# Text beyond ASCII and beyond the basic plane.
print("naïve café – Ελληνικά – Привет – 日本語 – 😀 – \u2028 – \ufeff")
print(ascii("ß😀"), repr("\u200b\xa0😀"))
