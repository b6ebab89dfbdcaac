import sys
import threading

lines = []
thread = threading.Thread(target=lambda: lines.extend(sys.stdin))
thread.start()
thread.join()
print(lines)
