# SyntaxError made by hand, with odd positions.
import traceback

for details in (
    ("f.py", 3, 5, "some text here\n", 3, 9),
    ("f.py", 3, 0, "text", 3, 0),
    ("f.py", 3, 100, "text", 3, 200),
    ("f.py", None, None, None),
    ("f.py", 7, 2, "  indented text", 8, 4),
    (None, 1, 1, "x"),
):
    traceback.print_exception(SyntaxError("by hand", details))
raise SyntaxError("last", ("main.py", 2, 3, "abc def", 2, 6))
