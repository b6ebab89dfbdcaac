import trace


def f(n):
    if n:
        return f(n - 1)
    return "done"


tracer = trace.Trace(count=True, trace=False)
print(tracer.runfunc(f, 3), sorted((name, line, count) for (name, line), count in tracer.results().counts.items()))
