import _thread
import threading

try:
    threading.Thread(target=_thread.interrupt_main).start()
    while True:
        pass
except KeyboardInterrupt:
    print("interrupted")
