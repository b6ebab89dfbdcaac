text = "Grüße, 世界 😀"
for name in ("utf-8", "utf-16", "utf-16-le", "utf-32-be", "utf-7", "utf-8-sig", "punycode", "unicode_escape", "raw_unicode_escape"):
    print(name, text.encode(name), text.encode(name).decode(name) == text)
for name in ("gb18030", "shift_jis", "big5", "euc_kr", "koi8_r", "cp437", "latin-1", "mac_roman", "iso8859_15", "hz"):
    print(name, "Grüße 世界 Привет".encode(name, "replace"))
print("bücher.example".encode("idna"))
