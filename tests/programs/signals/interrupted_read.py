# A system call goes on after the handler (PEP 475).
import os
import signal
import threading

read_end, write_end = os.pipe()
signal.signal(signal.SIGALRM, lambda *details: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.05)
threading.Timer(0.3, os.write, (write_end, b"late")).start()
print(os.read(read_end, 10))
