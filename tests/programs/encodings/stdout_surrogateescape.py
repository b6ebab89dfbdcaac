import sys

sys.stdout.reconfigure(errors="surrogateescape")
print("\udcc3\udcbc")
