# Time goes forward; UTC is the zone.
import datetime
import time

print(time.tzname, time.timezone, time.daylight, time.localtime(0), time.strftime("%c %Z", time.gmtime(0)))
print(time.monotonic() <= time.monotonic(), time.time() > 1.7e9, datetime.datetime.now().astimezone().tzname())
print(time.process_time() < 10, time.perf_counter() > 0, time.get_clock_info("monotonic").monotonic)
