import signal
import threading


def work():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
