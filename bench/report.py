"""Tables for the terminal and in Markdown, and the JSON beside them."""

import json

import plot

FEW = 100  # below this many starts, a 99th percentile is the worst start or nearly so


def number(value):
    """Three digits that count."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def plain(header, rows):
    """Columns for a terminal: the first to the left, figures to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(row):
        first, *others = (cell.ljust(width) if column == 0 else cell.rjust(width)
                          for column, (cell, width) in enumerate(zip(row, widths)))
        return "  ".join([first, *others]).rstrip()
    return "\n".join([line(header), "  ".join("-" * width for width in widths), *map(line, rows)])


def markdown(header, rows):
    aligned = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, aligned, *rows])


def machine_lines(result):
    machine, settings = result["machine"], result["settings"]
    lines = [f"{machine['name']}: {machine['processor']}, {machine['cpus']} CPUs, {machine['memory_mib'] / 1024:.1f} GiB",
             f"{machine['distribution']}, Linux {machine['kernel']}, cgroups {machine['cgroups']}, "
             f"load before the run {machine['load_before']:.2f}",
             f"{machine['date']}, commit {machine['commit'] or 'unknown'}"]
    if result.get("versions"):
        lines.append("; ".join(f"{name}: {version}" for name, version in result["versions"].items()))
    lines.append(", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in settings.items()))
    return lines


def start_table(result):
    """(header, rows) of the main mode."""
    header = ["", "p50 ms", "p95 ms", "p99 ms", "bare python3 ÷", "docker run ÷", "CPU ms", "host CPU ms", "faults",
              *(f"{count}/s" if count == "1" else f"{count} clients/s" for count in map(str, result["settings"]["clients"]))]
    rows = []
    for entry in result["contenders"]:
        latency = entry["latency_ms"]
        p99 = number(latency["p99"]) + ("*" if latency["n"] < FEW else "")
        rows.append([entry["title"], number(latency["p50"]), number(latency["p95"]), p99,
                     number(entry.get("python_divided_by_this")), number(entry.get("docker_run_divided_by_this")),
                     number(entry["cpu_ms_per_start"]), number(entry["host_cpu_ms_per_start"]),
                     f"{entry['page_faults_per_start']:.0f}", *map(number, entry["starts_per_second"].values())])
        if told := entry["told_ms"]:
            rows.append([f"  {entry['told']}", number(told["p50"]), number(told["p95"]), number(told["p99"]),
                         number(entry.get("python_divided_by_told")), number(entry.get("docker_run_divided_by_told"))]
                        + [""] * (len(header) - 6))
    return header, rows


def sandbox_table(result):
    """(header, rows): what this project's own counters say of one sandbox; no rows where it did not take part."""
    counted = [entry for entry in result["contenders"] if entry.get("per_sandbox")]
    lines = list(dict.fromkeys(line for entry in counted for line in entry["per_sandbox"]))
    return (["one sandbox, mean", *(entry["title"] for entry in counted)],
            [[line, *(number(entry["per_sandbox"].get(line)) for entry in counted)] for line in lines])


def absent_lines(result):
    lines = [f"missing: {name}: {reason}" for name, reason in result.get("missing", {}).items()]
    return lines + [f"FAILED: {name}: {reason}" for name, reason in result.get("failed", {}).items()]


def few_notes(starts):
    return [f"* of fewer than {FEW} starts"] if any(count < FEW for count in starts) else []


def layers(result):
    return [f"- {entry['title']}: {entry['layers']}." for entry in result["contenders"]]


def write(result, out, tables, notes=(), extra=()):
    """Prints the tables, and stores them with the JSON and the plots in `out`. `tables`: {title: (header, rows)}."""
    lines = machine_lines(result)
    print("\n".join(lines))
    for title, (header, rows) in tables.items():
        print(f"\n{title}\n" if title else "")
        print(plain(header, rows))
    closing = [*notes, *absent_lines(result)]
    print("\n" + "\n".join(closing) if closing else "")
    out.mkdir(parents=True, exist_ok=True)
    name = result["mode"]
    (out / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    parts = [f"# Benchmark: {name}", "\n".join(f"- {line}" for line in lines)]
    for title, (header, rows) in tables.items():
        parts += [f"## {title}"] if title else []
        parts.append(markdown(header, rows))
    if extra:
        parts.append("\n".join(extra))
    if closing:
        parts.append("\n".join(f"- {line}" for line in closing))
    (out / f"{name}.md").write_text("\n\n".join(parts) + "\n")
    drawn = plot.draw(result, out) if plot.drawable(result) else []
    print(f"stored in {out}: {', '.join([f'{name}.json', f'{name}.md', *drawn])}")
    if plot.drawable(result) and not drawn:
        print("the plot was left out: Python's matplotlib is not installed "
              "(Debian: apt-get install --no-install-recommends python3-matplotlib python3-munkres)")


def write_start(result, out):
    tables = {"": start_table(result)}
    if (counted := sandbox_table(result))[1]:
        tables["What the service counts"] = counted
    write(result, out, tables, few_notes(entry["latency_ms"]["n"] for entry in result["contenders"]), ["Layers:", "", *layers(result)])
