import signal


class Timeout(Exception):
    pass


def handler(number, frame):
    raise Timeout("time is up")


signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    while True:
        pass
except Timeout as error:
    print(error)
print(signal.getitimer(signal.ITIMER_REAL))
