import io
import sys

sys.stdin = io.StringIO("from memory\nsecond\n")
print(input("? "), sys.stdin.read())
print(sys.__stdin__.read())
