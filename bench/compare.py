"""Two builds of this project in turns: is B slower than A?

Each round measures both, in an order that changes from round to round, and gives one ratio B / A for each figure. Said
is the median of these ratios and its 95 % interval by bootstrap over the rounds. Exit status 1: B is worse beyond the
tolerance, for the whole interval.
"""

import random
import statistics
import time
from pathlib import Path

import bench as benches
import measure
import report
from contenders import native
from contenders.base import Missing

RESAMPLES = 4000
ROUNDS_TO_JUDGE = 10  # a bootstrap over fewer says nothing
# figure: (how it reads, whether more is better)
FIGURES = {"p50": ("p50 ms, 1 client", False), "p95": ("p95 ms, 1 client", False),
           "told": ("hand-over to verdict p50 ms", False), "cpu": ("CPU ms per start, 2 clients", False),
           "rate": ("starts per second, 2 clients", True)}


def add_arguments(parser):
    parser.add_argument("binaries", nargs=2, type=Path, metavar="BINARY",
                        help="A and B; each finds its companions in its own directory")
    parser.add_argument("--rounds", type=int, default=30, help="turns of each build (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each block, two in a turn (%(default)s)")
    parser.add_argument("--tolerance", type=float, default=1.05, help="how many times worse is still equal (%(default)s)")


def bootstrap(ratios, share=0.95, seed=1):
    """(median, low, high) of the median of these ratios."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return (statistics.median(ratios), measure.quantile(medians, (1 - share) / 2), measure.quantile(medians, (1 + share) / 2))


def judge(low, high, more_is_better, tolerance):
    """B next to A, where the whole interval says so."""
    if more_is_better:
        low, high = 1 / high, 1 / low
    return "worse" if low > tolerance else "better" if high < 1 / tolerance else \
        "equal" if low > 1 / tolerance and high < tolerance else "not decided"


def figures(bench, contender, seconds):
    """One turn of a build."""
    found = {}
    for count in (1, 2):
        block = measure.run_block(bench, contender.starter(), count, seconds, 10, contender.group, contender.daemons)
        if count == 1:
            latency = measure.distribution(block["latencies"])
            found |= {"p50": latency["p50"], "p95": latency["p95"], "told": statistics.median(block["told"])}
        else:
            found |= {"cpu": block["cpu"] / block["starts"] / 1e6, "rate": block["per_second"]}
    return found


def build(bench, label, binary):
    contender = native.Native(bench, binary, f"native-{label}")
    bench.callback(contender.close)
    contender.prepare()
    return contender


def turns(options):
    """[(figures of A, figures of B)], a pair for each round."""
    with benches.Bench(2) as bench:
        try:
            a, b = (build(bench, label, binary) for label, binary in zip("AB", options.binaries))
        except Missing as error:
            raise SystemExit(f"bench/run compare: {error}") from None
        pairs = []
        for number in range(options.rounds):
            order = (a, b) if number % 2 == 0 else (b, a)
            found = {id(contender): figures(bench, contender, options.seconds) for contender in order}
            pairs.append((found[id(a)], found[id(b)]))
            measure.say(f"round {number + 1} of {options.rounds}: p50 A {found[id(a)]['p50']:.3f}, B {found[id(b)]['p50']:.3f} ms")
            time.sleep(measure.SETTLE_SECONDS)
        return pairs


def run(options):
    if options.quick:
        options.rounds, options.seconds = 3, 0.2
    facts = benches.machine()
    pairs = turns(options)
    rows, stored, worse = [], {}, False
    enough = options.rounds >= ROUNDS_TO_JUDGE
    for name, (title, more_is_better) in FIGURES.items():
        ratio, low, high = bootstrap([b[name] / a[name] for a, b in pairs])
        verdict = judge(low, high, more_is_better, options.tolerance) if enough else "not decided"
        worse |= verdict == "worse"
        medians = [statistics.median(pair[side][name] for pair in pairs) for side in (0, 1)]
        stored[name] = {"title": title, "a": medians[0], "b": medians[1], "ratio": ratio, "interval": [low, high],
                        "verdict": verdict, "rounds": [[pair[0][name], pair[1][name]] for pair in pairs]}
        rows.append([title, *map(report.number, medians), f"{ratio:.3f}", f"{low:.3f} to {high:.3f}", verdict])
    result = {"schema": 1, "mode": "compare", "machine": facts, "figures": stored,
              "settings": {"rounds": options.rounds, "seconds_per_block": options.seconds, "tolerance": options.tolerance}}
    notes = [] if enough else [f"fewer than {ROUNDS_TO_JUDGE} rounds: nothing is decided"]
    report.write(result, options.out, {"": (["", "A", "B", "B / A", "95 % interval", "B is"], rows)}, notes)
    return 1 if worse else 0
