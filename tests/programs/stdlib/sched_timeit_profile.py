import cProfile
import io
import pstats
import sched
import time
import timeit
import trace
import tracemalloc

scheduler = sched.scheduler(time.monotonic, time.sleep)
scheduler.enter(0.1, 1, print, ("second",))
scheduler.enter(0.0, 1, print, ("first",))
scheduler.run()
print(timeit.timeit("1 + 1", number=10) >= 0, timeit.default_timer is time.perf_counter)


def work(n):
    return sum(work(n - 1) for _ in range(2)) if n else 1


profile = cProfile.Profile()
profile.runcall(work, 4)
text = io.StringIO()
stats = pstats.Stats(profile, stream=text)
print(stats.total_calls, stats.prim_calls, sorted(key[2] for key in stats.stats))
print(tracemalloc.is_tracing())
tracemalloc.start()
held = bytearray(100000)
print(tracemalloc.get_traced_memory()[0] >= 100000)
