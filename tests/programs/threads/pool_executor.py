from concurrent.futures import ThreadPoolExecutor, as_completed


def square(x):
    if x == 5:
        raise ValueError(f"no {x}")
    return x * x


with ThreadPoolExecutor(4) as pool:
    print(list(pool.map(square, range(5))))
    print(sorted(f.result() for f in as_completed([pool.submit(square, n) for n in (6, 7, 8)])))
    print(repr(pool.submit(square, 5).exception()))
