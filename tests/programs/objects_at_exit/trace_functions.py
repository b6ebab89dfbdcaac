import sys


def profile(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "__del__":
        sys.stdout.write("call of __del__\n")


class Thing:
    def __del__(self):
        pass


thing = Thing()
sys.setprofile(profile)
