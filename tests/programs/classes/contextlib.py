import contextlib


@contextlib.contextmanager
def tag(name):
    print(f"<{name}>")
    try:
        yield name
    except ValueError as error:
        print("swallowed", error)
    finally:
        print(f"</{name}>")


with tag("a"), tag("b"):
    raise ValueError("inside b")
with contextlib.ExitStack() as stack:
    for name in "xy":
        stack.enter_context(tag(name))
    stack.callback(print, "callback")
with contextlib.suppress(KeyError):
    {}["x"]
with contextlib.closing(open("/dev/null")) as file, contextlib.nullcontext(5) as five:
    print(five)
with contextlib.chdir("/"):
    import os

    print(os.getcwd())
with tag("last"):
    raise KeyError("not swallowed")
