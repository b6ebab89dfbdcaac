import os
import signal


def handler(number, frame):
    print("got", signal.Signals(number).name, frame.f_code.co_name, frame.f_lineno)


def f():
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGTERM)


signal.signal(signal.SIGUSR1, handler)
signal.signal(signal.SIGTERM, handler)
f()
print("end")
