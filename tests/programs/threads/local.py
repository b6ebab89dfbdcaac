import threading

local = threading.local()
local.value = "main"
seen = []


def work(number):
    seen.append(hasattr(local, "value"))
    local.value = number


for number in range(3):
    thread = threading.Thread(target=work, args=(number,))
    thread.start()
    thread.join()
print(local.value, seen)
