import threading

total = 0
lock = threading.Lock()


def work(number):
    global total
    for _ in range(100):
        with lock:
            total += number


threads = [threading.Thread(target=work, args=(n,)) for n in range(30)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total)
