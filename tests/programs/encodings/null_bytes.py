# NUL in text that is compiled or used as a path.
for attempt in (lambda: compile("a\0b", "x", "exec"), lambda: open("a\0b"), lambda: int("1\0")):
    try:
        attempt()
    except (ValueError, SyntaxError) as error:
        print(type(error).__name__, error)
print("a\0b".split("\0"))
