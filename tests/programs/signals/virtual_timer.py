import signal


def handler(number, frame):
    raise SystemExit("virtual time is up")


signal.signal(signal.SIGVTALRM, handler)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
while True:
    pass
