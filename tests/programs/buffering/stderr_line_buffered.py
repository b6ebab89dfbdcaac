import os
import sys

sys.stderr.write("no line ")
os.write(2, b"[raw] ")
sys.stderr.write("line\n")
sys.stderr.write("two\nlines and ")
os.write(2, b"[raw]\n")
