# Handlers run in the main thread.
import signal
import threading


def work():
    signal.raise_signal(signal.SIGINT)


thread = threading.Thread(target=work)
try:
    thread.start()
    thread.join()
    for _ in range(1000):
        pass
except KeyboardInterrupt:
    print("in", threading.current_thread().name)
