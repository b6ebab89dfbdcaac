# Signals that do nothing unless a handler is set.
import signal

signal.raise_signal(signal.SIGCHLD)
signal.raise_signal(signal.SIGURG)
signal.raise_signal(signal.SIGWINCH)
signal.raise_signal(signal.SIGPIPE)
signal.raise_signal(signal.SIGXFSZ)
print("still here")
