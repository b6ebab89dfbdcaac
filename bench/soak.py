"""Full load for minutes: does the rate hold, does memory stay flat, is anything left behind?

Before, between and after, the same figures of the same server: latency on an idle host, memory, processes,
descriptors, control groups, mounts. Before and after the load, bare python3 as a measure of the machine.
Exit status 1: something is left behind, or a rate or latency did not hold.
"""

import os
import re
import statistics
import time

import bench as benches
import cpu
import measure
import report
from contenders import native, python
from contenders.base import Missing

REST_SECONDS = 5
LATENCY_SECONDS = 3
BARE_SECONDS = 15
MUST_NOT_GROW = ("processes", "descriptors", "control groups", "mounts")
MEMORY_SLACK_MIB = 4  # from the first tenth to the last; the load's first seconds add what the parser shared with a zygote that is replaced
MEMORY_KEPT_MIB = 16   # after it, beside before
HELD = 0.9      # of the rate of the first tenth
SLOWER = 1.25   # of the latency before


def add_arguments(parser):
    parser.add_argument("--minutes", type=float, default=5, help="of full load (%(default)s)")
    parser.add_argument("--clients", type=int, default=4, help="at once (%(default)s)")
    parser.add_argument("--bare-seconds", type=float, default=BARE_SECONDS, help="of bare python3 for each number of clients (%(default)s)")
    parser.add_argument("--sample", type=float, default=5, help="seconds between two samples (%(default)s)")


def proportional_kib(pid):
    """The process's memory, where what it shares is divided among those that share it."""
    try:
        return int(re.search(r"^Pss:\s+(\d+)", cpu.read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)[1])
    except (OSError, TypeError):
        return 0


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def state(pid):
    """What a server holds, and what the kernel holds for it."""
    processes = list(cpu.tree(pid))
    groups = sum(int(line.split()[2]) for line in cpu.read("/proc/cgroups").splitlines()[1:])
    meminfo = dict(re.findall(r"^(\w+):\s+(\d+)", cpu.read("/proc/meminfo"), re.MULTILINE))
    return {"memory MiB": sum(map(proportional_kib, processes)) / 1024, "processes": len(processes),
            "descriptors": sum(map(descriptors, processes)), "control groups": groups,
            "mounts": len(cpu.read("/proc/self/mountinfo").splitlines()),
            "kernel memory MiB": (int(meminfo["Slab"]) + int(meminfo["KernelStack"]) + int(meminfo["PageTables"])) / 1024}


def idle_latency(bench, contender):
    return measure.distribution(measure.run_block(bench, contender.starter(), 1, LATENCY_SECONDS, 20)["latencies"])


def bare_rates(bench, options):
    """Starts a second of bare python3, with as many clients as the load has and with one a processor."""
    bare = python.Python(bench)
    bare.prepare()
    counts = sorted({min(os.cpu_count(), options.clients), options.clients})
    return {count: measure.run_block(bench, bare.starter(), count, options.bare_seconds, 1)["per_second"] for count in counts}


def load(bench, contender, options):
    """A sample for each block; the blocks follow one another at once."""
    samples, begin = [], time.monotonic()
    pid = contender.daemons[-1]
    while time.monotonic() - begin < options.minutes * 60:
        block = measure.run_block(bench, contender.starter(), options.clients, options.sample, 1, settle=0)
        latency = measure.distribution(block["latencies"])
        samples.append({"minute": (time.monotonic() - begin) / 60, "starts": block["starts"], "per_second": block["per_second"],
                        "p50_ms": latency["p50"], "p99_ms": latency["p99"], **state(pid)})
        measure.say(f"{samples[-1]['minute']:.1f} min: {block['per_second']:.0f}/s, p99 {latency['p99']:.1f} ms, "
                    f"{samples[-1]['memory MiB']:.0f} MiB")
    return samples


def complaints(before, after, latency_before, latency_after, samples):
    """What did not hold, in words."""
    found = [f"{name}: {before[name]} before, {after[name]} after" for name in MUST_NOT_GROW if after[name] > before[name]]
    part = max(1, len(samples) // 10)

    def ends(name):
        return (statistics.median(sample[name] for sample in some) for some in (samples[:part], samples[-part:]))
    if after["memory MiB"] > before["memory MiB"] + MEMORY_KEPT_MIB:
        found.append(f"memory: {before['memory MiB']:.1f} MiB before, {after['memory MiB']:.1f} MiB after")
    first, last = ends("memory MiB")
    if last > first + MEMORY_SLACK_MIB:
        found.append(f"memory under load: {first:.1f} MiB in the beginning, {last:.1f} MiB in the end")
    first, last = ends("per_second")
    if last < HELD * first:
        found.append(f"rate: {first:.0f} a second in the beginning, {last:.0f} in the end")
    if latency_after["p50"] > SLOWER * latency_before["p50"]:
        found.append(f"latency: p50 {latency_before['p50']:.2f} ms before, {latency_after['p50']:.2f} ms after")
    return found


def curves(samples):
    minutes = [sample["minute"] for sample in samples]

    def curve(title, *names):
        return {"title": title, "x_label": "minutes", "x": minutes,
                "series": {name: [sample[name] for sample in samples] for name in names}}
    return [curve("Starts per second", "per_second"), curve("Latency under load, ms", "p50_ms", "p99_ms"),
            curve("Memory, MiB", "memory MiB", "kernel memory MiB"), curve("Held by the kernel", "control groups", "descriptors")]


def run(options):
    if options.quick:
        options.minutes, options.sample, options.bare_seconds = 0.05, 1, 1
    facts = benches.machine()
    with benches.Bench(options.clients, options.binary) as bench:
        contender = native.Native(bench)
        bench.callback(contender.close)
        try:
            contender.prepare()
            bare = [bare_rates(bench, options)]
        except Missing as error:
            raise SystemExit(f"bench/run soak: {error}") from None
        pid = contender.daemons[-1]
        latency_before = idle_latency(bench, contender)
        time.sleep(REST_SECONDS)
        before = state(pid)
        samples = load(bench, contender, options)
        time.sleep(REST_SECONDS)
        after = state(pid)
        latency_after = idle_latency(bench, contender)
        bare.append(bare_rates(bench, options))
    failed = complaints(before, after, latency_before, latency_after, samples)
    result = {"schema": 1, "mode": "soak", "machine": facts, "before": before, "after": after,
              "bare_python_per_second": bare, "latency_before_ms": latency_before, "latency_after_ms": latency_after, "samples": samples,
              "curves": curves(samples), "complaints": failed,
              "settings": {"minutes": options.minutes, "clients": options.clients, "seconds_per_sample": options.sample,
                           "seconds_of_bare_python": options.bare_seconds}}
    rates = [sample["per_second"] for sample in samples]
    rows = [[name, *map(report.number, (before[name], max(sample[name] for sample in samples), after[name]))] for name in before]
    rows.append(["p50 ms, one client", report.number(latency_before["p50"]), "", report.number(latency_after["p50"])])
    rows.append(["p99 ms, one client", report.number(latency_before["p99"]), "", report.number(latency_after["p99"])])
    starts = sum(sample["starts"] for sample in samples)
    fastest = max(rate for rates_of_python in bare for rate in rates_of_python.values())
    measured = "; ".join(f"{count} clients {rate:.0f} before, {bare[1][count]:.0f} after" for count, rate in bare[0].items())
    notes = [f"{starts:,} starts, all answers right; per second: median {statistics.median(rates):.0f}, "
             f"least {min(rates):.0f}, most {max(rates):.0f}",
             f"bare python3, starts per second: {measured}; the load's median is {statistics.median(rates) / fastest:.2f} times the fastest of these",
             *(f"NOT HELD: {text}" for text in failed)]
    report.write(result, options.out, {"": (["", "before", "most under load", "after"], rows)}, notes)
    return 1 if failed else 0
