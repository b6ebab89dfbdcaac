import sys
import traceback


def f():
    try:
        return {}["missing"]
    except KeyError:
        traceback.print_exc()
        traceback.print_exc(limit=0, file=sys.stdout)
        print(traceback.format_exc().splitlines()[-1])
        traceback.print_stack(file=sys.stdout)


f()
