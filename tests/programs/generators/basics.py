def countdown(n):
    received = yield n
    while n:
        n -= 1
        received = yield (n, received)
    return "finished"


generator = countdown(2)
print(next(generator), generator.send("hi"), next(generator), generator.gi_frame.f_lineno, generator.gi_running)
try:
    next(generator)
except StopIteration as error:
    print(error.value)
print(list(x * x for x in range(5)), next(iter([]), "default"), sum(1 for _ in countdown(3)))
next(generator)
