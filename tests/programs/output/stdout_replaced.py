# sys.stdout replaced by a StringIO: what is printed is the program's own affair.
import io
import sys

real = sys.stdout
sys.stdout = io.StringIO()
print("captured")
text = sys.stdout.getvalue()
sys.stdout = real
print(repr(text))
