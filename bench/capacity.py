#!/usr/bin/env python3
"""How many hosts carry a given load: a simulation of submissions that arrive, are split into tests and wait for a processor.

    bench/capacity.py                               # the tables of docs/capacity.md
    bench/capacity.py --own-ms 50 --cores 8         # programs that use 50 ms of processor time each, hosts of 8 processors

What a test costs beside its program's own time is a measured figure (--cost-ms, README.md). Times of programs are drawn
from an exponential distribution; arrivals of a battle crowd towards its end, those of a day follow a day's curve. A host
gives its tests `--cores` processors; a submission has waited once its last test is done. Same seed, same table.
"""

import argparse
import heapq
import math
import random

BATTLES = 100
SUBMISSIONS = (5, 10)
BATTLE_SECONDS = 600
DAY_SUBMISSIONS = 1_000_000
PEAK_OF_DAY = 3  # the busiest hour against the mean hour
BUDGET_SECONDS = 1.0  # p95 from arrival to answer
SEED = 1


def battle_arrivals(rng):
    """Half of the submissions evenly, half in the last tenth, when time runs out."""
    times = []
    for _ in range(BATTLES):
        for _ in range(rng.randint(*SUBMISSIONS)):
            late = rng.random() < 0.5
            times.append(rng.uniform(0.9 if late else 0, 1) * BATTLE_SECONDS)
    return sorted(times)


def day_arrivals(rng, minutes=10):
    """Some minutes of a day's busiest hour, as independent arrivals."""
    rate = DAY_SUBMISSIONS / 86400 * PEAK_OF_DAY
    times, now = [], 0.0
    while (now := now + rng.expovariate(rate)) < minutes * 60:
        times.append(now)
    return times


def answer_times(arrivals, tests, processors, cost, own, rng):
    """Seconds from each arrival to the end of its last test; tests are served in order by the first free processor."""
    free = [0.0] * processors
    waits = []
    for arrival in arrivals:
        last = arrival
        for _ in range(tests):
            start = max(arrival, heapq.heappop(free))
            end = start + cost + (rng.expovariate(1 / own) if own else 0)
            heapq.heappush(free, end)
            last = max(last, end)
        waits.append(last - arrival)
    return waits


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def hosts_for(arrivals, tests, cores, cost, own):
    """The least number of hosts whose p95 is within the budget (beyond what one submission alone takes), and that p95."""
    alone = quantile(answer_times([n * 1e6 for n in range(200)], tests, cores, cost, own, random.Random(SEED)), 0.95)
    hosts = 1
    while True:
        p95 = quantile(answer_times(arrivals, tests, cores * hosts, cost, own, random.Random(SEED)), 0.95)
        if p95 <= max(BUDGET_SECONDS, 1.5 * alone) or hosts > 1000:
            return hosts, p95
        hosts += 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cost-ms", type=float, default=2.2, help="processor time of one test beside its program")
    arguments.add_argument("--own-ms", type=float, nargs="*", default=[0, 10, 50, 200], help="the program's own, on average")
    arguments.add_argument("--tests", type=int, default=10, help="tests of one submission")
    arguments.add_argument("--cores", type=int, default=8, help="processors of one host")
    chosen = arguments.parse_args()
    loads = (("100 battles of 5 to 10", battle_arrivals(random.Random(SEED))), ("a million a day, busiest hour", day_arrivals(random.Random(SEED))))
    print(f"| load, {chosen.tests} tests each | program's own time | tests a second | processors busy | hosts of {chosen.cores} | p95 to the answer |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, arrivals in loads:
        peak = max(sum(1 for t in arrivals if start <= t < start + 60) for start in range(0, int(arrivals[-1]) + 1, 30)) / 60 * chosen.tests
        for own in chosen.own_ms:
            hosts, p95 = hosts_for(arrivals, chosen.tests, chosen.cores, chosen.cost_ms / 1000, own / 1000)
            busy = peak * (chosen.cost_ms + own) / 1000
            print(f"| {name} | {own:g} ms | {peak:.0f} | {busy:.1f} | {hosts} | {p95 * 1000:.0f} ms |")


if __name__ == "__main__":
    main()
