import signal

count = 0


def handler(number, frame):
    global count
    count += 1
    if count == 3:
        signal.setitimer(signal.ITIMER_REAL, 0)


signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
while count < 3:
    signal.pause()
print(count)
