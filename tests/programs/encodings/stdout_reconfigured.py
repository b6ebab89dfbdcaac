import sys

sys.stdout.reconfigure(encoding="latin-1", errors="backslashreplace")
print("ü € \udc80".encode("unicode_escape").decode())
print("é", "€")
