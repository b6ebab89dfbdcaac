# Events of a few calls.
import sys

wanted = {"open", "import", "compile", "exec", "os.listdir"}


def hook(event, arguments):
    if event in wanted:
        print(event, str(arguments[0])[:60])


sys.addaudithook(hook)
open("/dev/null").close()
exec("1 + 1")
import colorsys
