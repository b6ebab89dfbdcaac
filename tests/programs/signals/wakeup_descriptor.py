import os
import signal

read_end, write_end = os.pipe()
os.set_blocking(write_end, False)
signal.set_wakeup_fd(write_end)
signal.signal(signal.SIGUSR1, lambda *details: None)
signal.raise_signal(signal.SIGUSR1)
print(os.read(read_end, 10))
