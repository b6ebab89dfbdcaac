import threading
import traceback

lines = []


def work():
    lines.extend(traceback.format_stack())


thread = threading.Thread(target=work)
thread.start()
thread.join()
print("".join(lines))
