import threading


def hook(args):
    raise RuntimeError("hook failed")


threading.excepthook = hook
thread = threading.Thread(target=lambda: 1 / 0, name="worker")
thread.start()
thread.join()
