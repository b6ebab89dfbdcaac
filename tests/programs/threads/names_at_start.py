import threading

print([thread.name for thread in threading.enumerate()], threading.active_count())
main = threading.main_thread()
print(main is threading.current_thread(), main.daemon, main.is_alive(), type(main).__name__)
print(threading.get_ident() == main.ident, threading.get_native_id() == main.native_id, threading.stack_size())
print(threading.Thread().name, threading.Thread(target=print).name, threading.excepthook is threading.__excepthook__)
