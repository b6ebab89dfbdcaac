import signal
import threading

signal.signal(signal.SIGUSR1, lambda number, frame: print("got", number))
signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
print("end")
