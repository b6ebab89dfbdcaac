import threading

timer = threading.Timer(0.2, print, ("timer", "fires"))
timer.start()
cancelled = threading.Timer(60, print, ("never",))
cancelled.start()
cancelled.cancel()
print("main ends")
