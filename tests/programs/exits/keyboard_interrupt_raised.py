# Ends by SIGINT, after the traceback.
import atexit

atexit.register(print, "atexit runs")
print("before")
raise KeyboardInterrupt
