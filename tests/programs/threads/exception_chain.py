import threading


def work(items):
    try:
        return items[5]
    except IndexError as error:
        raise RuntimeError("in a thread") from error


thread = threading.Thread(target=work, args=([],))
thread.start()
thread.join()
