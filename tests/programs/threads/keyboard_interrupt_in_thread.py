import threading


def work():
    raise KeyboardInterrupt("mine")


thread = threading.Thread(target=work, name="worker")
thread.start()
thread.join()
print("end")
