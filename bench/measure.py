"""The main mode: every contender in turn, round by round, and what comes of it.

A round gives each contender one block for each number of clients, in an order that is drawn anew for every round: what
disturbs the host for a while disturbs all of them.
"""

import random
import statistics
import sys
import time

import bench as benches
import clients
import contenders
import cpu
import starters
from contenders.base import Missing

CLIENTS = (1, 2, 4)
SETTLE_SECONDS = 0.1
SEED = 1
QUANTILES = [step / 200 for step in range(201)]
BASELINES = {"python": "python", "docker_run": "docker-run-runc"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def quantile(ordered, share):
    """Of a sorted list, between its neighbours."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def distribution(values):
    """Of milliseconds; None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return {"n": len(ordered), "p50": quantile(ordered, 0.5), "p95": quantile(ordered, 0.95), "p99": quantile(ordered, 0.99),
            "mean": statistics.fmean(ordered), "min": ordered[0], "max": ordered[-1]}


def run_block(bench, starter, count, seconds, at_least, group=None, daemons=(), settle=SETTLE_SECONDS):
    """One block of starts by `count` clients at once. Times in milliseconds, CPU in nanoseconds of the whole block."""
    bench.clients.open(starter, count, [group.procs("clients")] if group else [])
    time.sleep(settle)
    meter = cpu.Meter(group, daemons)
    results = bench.clients.run(seconds, at_least)
    time.sleep(settle)  # what a start leaves to be done after its answer belongs to its price
    used = meter.used(results)
    latencies = [value / 1e6 for result in results for value in result["latencies"]]
    return {"clients": count, "starts": len(latencies), "latencies": latencies,
            "told": [value for result in results for value in result["told"]],
            "per_second": sum(len(result["latencies"]) * 1e9 / result["elapsed"] for result in results), **used}


class Entry:
    """A contender in the run: its blocks, or why it has none."""

    def __init__(self, contender):
        self.contender, self.blocks, self.missing, self.wrong = contender, [], None, None

    @property
    def runs(self):
        return self.missing is None and self.wrong is None

    def prepare(self, bench):
        """Starts what it needs and looks at one answer."""
        bench.callback(self.contender.close)
        try:
            self.contender.prepare()
            starter = self.contender.starter()
        except Missing as error:
            self.missing = " ".join(str(error).split())[:600]
            return
        self.block(bench, starter, 1, 0, 1)

    def block(self, bench, starter, count, seconds, at_least):
        contender = self.contender
        try:
            return run_block(bench, starter, count, seconds, at_least, contender.group, contender.daemons)
        except starters.NotStarted as error:
            if self.blocks:
                self.wrong = str(error)
            else:
                self.missing = f"cannot run here: {error}"
        except (starters.WrongAnswer, clients.ClientError) as error:
            self.wrong = str(error)
        return None

    def round(self, bench, seconds, at_least):
        starter = self.contender.starter()
        for count in CLIENTS:
            if self.runs and (block := self.block(bench, starter, count, seconds, at_least if count == 1 else 1)):
                self.blocks.append(block)

    def of(self, count):
        return [block for block in self.blocks if block["clients"] == count]

    def summary(self, source):
        contender = self.contender
        single = self.of(1)
        latencies = [value for block in single for value in block["latencies"]]
        starts = sum(block["starts"] for block in single)
        entry = {
            "name": contender.name, "title": contender.title, "layers": contender.layers,
            "checked_answers": sum(block["starts"] for block in self.blocks), "answer": starters.ANSWER.decode(),
            "latency_ms": distribution(latencies),
            "quantiles_ms": [quantile(sorted(latencies), share) for share in QUANTILES],
            "told_ms": distribution([value for block in single for value in block["told"]]),
            "cpu_ms_per_start": sum(block["cpu"] for block in single) / starts / 1e6, "cpu_source": source,
            "host_cpu_ms_per_start": sum(block["host_cpu"] for block in single) / starts / 1e6,
            "page_faults_per_start": sum(block["faults"] for block in single) / starts,
            "starts_per_second": {str(count): statistics.median(block["per_second"] for block in self.of(count))
                                  for count in CLIENTS},
            "cpu_ms_per_start_at": {str(count): sum(block["cpu"] for block in self.of(count)) / 1e6 /
                                    sum(block["starts"] for block in self.of(count)) for count in CLIENTS},
            "rounds": [{"clients": block["clients"], "starts": block["starts"], "per_second": block["per_second"],
                        "p50_ms": statistics.median(block["latencies"])} for block in self.blocks],
        }
        if entry["told_ms"]:
            entry["told"] = contender.told
        if hasattr(contender, "stages"):
            entry["stages_mean_ms"] = contender.stages()
            entry["per_sandbox"] = contender.per_sandbox()
        return entry


def add_ratios(summaries):
    """How many times the median of each baseline; by how many times each is faster than that."""
    medians = {summary["name"]: summary["latency_ms"]["p50"] for summary in summaries}
    for summary in summaries:
        for label, name in BASELINES.items():
            if name in medians:
                summary[f"{label}_divided_by_this"] = medians[name] / summary["latency_ms"]["p50"]
                if summary["told_ms"]:
                    summary[f"{label}_divided_by_told"] = medians[name] / summary["told_ms"]["p50"]


def run(patterns, rounds, seconds, at_least, binary=None):
    """The whole measurement, as it is stored."""
    chosen = contenders.chosen(patterns)
    facts = benches.machine()
    with benches.Bench(max(CLIENTS), binary) as bench:
        entries = [Entry(kind(bench)) for kind in chosen]
        for entry in entries:
            entry.prepare(bench)
            say(f"{entry.contender.name}: {entry.missing and 'missing: ' + entry.missing or entry.wrong or 'ready'}")
        order = random.Random(SEED)
        for number in range(rounds):
            began = time.monotonic()
            turn = [entry for entry in entries if entry.runs]
            order.shuffle(turn)
            for entry in turn:
                entry.round(bench, seconds, at_least)
            say(f"round {number + 1} of {rounds}: {time.monotonic() - began:.0f} s")
        source = bench.accounting.source
        summaries = [entry.summary(source) for entry in entries if entry.runs]
        versions = {name: version for entry in entries if entry.runs for name, version in entry.contender.versions.items()}
    add_ratios(summaries)
    return {
        "schema": 1, "mode": "start", "machine": facts, "versions": versions,
        "settings": {"rounds": rounds, "seconds_per_block": seconds, "starts_at_least": at_least, "clients": list(CLIENTS),
                     "program": "python3 -I -S -c 'print(6*7)'", "cpu_source": source, "host_cpu_source": cpu.HOST_SOURCE},
        "contenders": summaries,
        "missing": {entry.contender.name: entry.missing for entry in entries if entry.missing},
        "failed": {entry.contender.name: entry.wrong for entry in entries if entry.wrong},
    }
