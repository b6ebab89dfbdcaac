import faulthandler
import os
import signal


def f():
    with open("dump", "w+") as file:
        faulthandler.register(signal.SIGUSR1, file=file, all_threads=False)
        os.kill(os.getpid(), signal.SIGUSR1)
        file.seek(0)
        print(file.read())


f()
