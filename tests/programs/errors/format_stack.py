# The frame stack starts at the program.
import sys
import traceback


def f():
    print("".join(traceback.format_stack()))
    for frame, line in traceback.walk_stack(sys._getframe()):
        print(frame.f_code.co_name, frame.f_code.co_filename, line)
    depth, frame = 0, sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    print(depth)


f()
