import threading

for number in range(20):
    thread = threading.Thread(target=print, args=("thread", number))
    thread.start()
    thread.join()
