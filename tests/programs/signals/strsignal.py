import signal

for number in range(1, 32):
    print(number, signal.strsignal(number), signal.Signals(number).name)
