import threading


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name)


local = threading.local()
local.thing = Thing("main thread")


def work():
    local.thing = Thing("other thread")


thread = threading.Thread(target=work)
thread.start()
thread.join()
print("end")
