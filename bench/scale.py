"""How this project scales: with tests per job, concurrency, and the size of source, of output and of input.

Every answer is checked: its length and that each test passed.
"""

import json

import bench as benches
import measure
import report
import service
import starters

KIB = 1024
STATEMENT = "n = 1\n"
MOST_CLIENTS = 32


def add_arguments(parser):
    parser.add_argument("--seconds", type=float, default=2.0, help="of each point (%(default)s)")
    parser.add_argument("--starts", type=int, default=5, help="at least so many jobs at a point (%(default)s)")


def job(source, tests):
    return json.dumps({"language": "python", "source": source, "tests": tests}).encode()


def accepted(count):
    """The end of an answer in which all tests passed."""
    return rb'"passed":\s*%d,\s*"total":\s*%d\b' % (count, count)


def many_tests(count):
    return job("print(6*7)", [{"expectedStdout": "42\n"}] * count), accepted(count)


def long_source(size):
    source = STATEMENT * (size // len(STATEMENT)) + "print(6*7)"
    return job(source, [{"expectedStdout": "42\n"}]), accepted(1)


def long_output(size):
    return job(f"print('x' * {size - 1})", [{"expectedStdout": "x" * (size - 1) + "\n"}]), accepted(1)


def long_input(size):
    return job("print(len(input()))", [{"stdin": "x" * size + "\n", "expectedStdout": f"{size}\n"}]), accepted(1)


# title, label of x, points, few points, what makes the job
SHAPES = (
    ("Tests per job", "tests", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000), (1, 10), many_tests),
    ("Size of the source", "bytes", (100, KIB, 10 * KIB, 50 * KIB, 100 * KIB, 250 * KIB), (100, KIB), long_source),
    ("Size of the output", "bytes", (10, KIB, 10 * KIB, 100 * KIB, 500 * KIB, 1024 * KIB), (10, KIB), long_output),
    ("Size of the input", "bytes", (10, KIB, 10 * KIB, 100 * KIB, 1024 * KIB, 3072 * KIB), (10, KIB), long_input),
)


def shape_curve(bench, server, shape, options):
    title, label, points, few, make = shape
    points = few if options.quick else points
    p50, p99, each = [], [], []
    for point in points:
        body, right = make(point)
        starter = starters.Http(server.port, "/execute", body, right)
        found = measure.distribution(measure.run_block(bench, starter, 1, options.seconds, options.starts)["latencies"])
        p50.append(found["p50"])
        p99.append(found["p99"])
        each.append(found["p50"] / point)
        measure.say(f"{title}, {point}: {found['p50']:.2f} ms")
    series = {"p50 ms": p50, "p99 ms": p99}
    if make is many_tests:
        series["p50 ms per test"] = each
    return {"title": title, "x_label": label, "x": list(points), "series": series, "log": True}


def concurrency_curve(bench, group, options):
    """As many clients as the server may run sandboxes at once; a server of its own for each point."""
    points = (1, 2) if options.quick else (1, 2, 4, 8, 16, MOST_CLIENTS)
    rates, p50, p99 = [], [], []
    for count in points:
        server = service.Service(bench.binary, bench.rootfs, group, EXECUTOR_MAX_CONCURRENCY=str(count))
        try:
            starter = starters.Http(server.port, "/execute", *many_tests(1))
            block = measure.run_block(bench, starter, count, options.seconds, options.starts)
        finally:
            server.close()
        found = measure.distribution(block["latencies"])
        rates.append(block["per_second"])
        p50.append(found["p50"])
        p99.append(found["p99"])
        measure.say(f"Concurrency, {count}: {rates[-1]:.0f} a second")
    return {"title": "Concurrency", "x_label": "clients, and sandboxes at once", "x": list(points),
            "series": {"starts per second": rates, "p50 ms": p50, "p99 ms": p99}, "log": True}


def table(curve):
    header = [curve["x_label"], *curve["series"]]
    return header, [[f"{x:,}", *(report.number(values[place]) for values in curve["series"].values())]
                    for place, x in enumerate(curve["x"])]


def flatness(curve):
    """For the tests per job: what one test costs in a large job, next to a job with one test."""
    each = curve["series"]["p50 ms per test"]
    return f"one test in a job of {curve['x'][-1]}: {each[-1] / each[0]:.2f} times one test in a job of its own"


def run(options):
    if options.quick:
        options.seconds, options.starts = 0.2, 2
    facts = benches.machine()
    with benches.Bench(MOST_CLIENTS, options.binary) as bench:
        group = bench.accounting.group("native")
        curves = [concurrency_curve(bench, group, options)]
        server = service.Service(bench.binary, bench.rootfs, group)
        try:
            curves += [shape_curve(bench, server, shape, options) for shape in SHAPES]
        finally:
            server.close()
    result = {"schema": 1, "mode": "scale", "machine": facts, "curves": curves,
              "settings": {"seconds_per_point": options.seconds, "starts_at_least": options.starts}}
    report.write(result, options.out, {curve["title"]: table(curve) for curve in curves}, [flatness(curves[1])])
    return 0
