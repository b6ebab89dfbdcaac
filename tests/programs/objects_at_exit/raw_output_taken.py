"""The innermost stream taken out of standard output, and a text that finds no way any more."""
import sys

raw = sys.stdout.buffer.detach()
raw.write(b"by the file\n")
