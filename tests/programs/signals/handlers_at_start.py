# What each signal's handler is when a program starts.
import signal

for number in sorted(signal.valid_signals()):
    try:
        handler = signal.getsignal(number)
    except ValueError as error:
        handler = error
    print(int(number), getattr(number, "name", "-"), getattr(handler, "name", handler and handler.__name__))
