"""A trace function that is left on hears what runs, and nothing runs at a silent end."""
import sys


def trace(frame, event, arg):
    print(event, frame.f_code.co_name)


def work():
    return 1


sys.setprofile(trace)
work()
