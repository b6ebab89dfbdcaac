import threading

results = []
barrier = threading.Barrier(3)
event = threading.Event()
semaphore = threading.BoundedSemaphore(2)
condition = threading.Condition()
ready = []


def work(number):
    event.wait()
    with semaphore:
        results.append(number)
    barrier.wait()
    with condition:
        ready.append(number)
        condition.notify_all()


for number in range(3):
    threading.Thread(target=work, args=(number,)).start()
event.set()
with condition:
    condition.wait_for(lambda: len(ready) == 3)
print(sorted(results), barrier.broken, semaphore._value)
threading.BoundedSemaphore(1).release()
