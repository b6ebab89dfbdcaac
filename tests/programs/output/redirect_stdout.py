import contextlib
import io
import sys

held = io.StringIO()
with contextlib.redirect_stdout(held), contextlib.redirect_stderr(sys.stdout):
    print("inside")
    print("error", file=sys.stderr)
print(held.getvalue().upper(), end="")
