import os
import signal


def handler(number, frame):
    raise RuntimeError("from the handler")


def wait():
    os.kill(os.getpid(), signal.SIGUSR2)
    while True:
        pass


signal.signal(signal.SIGUSR2, handler)
wait()
