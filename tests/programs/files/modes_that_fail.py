import io

with open("x", "x") as file:
    file.write("x")
for attempt in (
    lambda: open("x", "x"),
    lambda: open("x", "q"),
    lambda: open("x", "rw"),
    lambda: open("/tmp"),
    lambda: open("x").write("y"),
    lambda: open("x", "w").read(),
    lambda: open(99),
    lambda: open("x", "rb", encoding="utf-8"),
    lambda: open("x/y"),
):
    try:
        attempt()
    except (OSError, ValueError, io.UnsupportedOperation) as error:
        print(type(error).__name__, error)
