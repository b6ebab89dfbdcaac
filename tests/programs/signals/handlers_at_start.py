# What each signal's handler is when a program starts.
import signal

for number in sorted(signal.valid_signals()):
    handler = signal.getsignal(number)
    print(int(number), getattr(number, "name", "-"), getattr(handler, "name", None) or handler)
