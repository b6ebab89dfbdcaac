# A traceback that grows where it is raised again.
def a():
    raise OSError(13, "Permission denied", "/some/file")


def b():
    try:
        a()
    except OSError as error:
        raise error


def c():
    try:
        b()
    finally:
        print("finally")


c()
