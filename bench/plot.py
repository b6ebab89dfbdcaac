"""The plots, as SVG and PNG; nothing is drawn where matplotlib is not installed."""

OURS, BARE, OTHERS, DOCKER = "#0b6e4f", "#444444", "#3a6ea5", "#b5442e"


def matplotlib():
    """pyplot without a display, or None."""
    try:
        import matplotlib as library
        library.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return None
    library.rcParams.update({"font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "bench", "axes.spines.top": False,
                             "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd", "axes.axisbelow": True})
    return pyplot


def short(value):
    """Three digits, and no exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def colour(name):
    for start, chosen in (("native", OURS), ("python", BARE), ("docker", DOCKER)):
        if name.startswith(start):
            return chosen
    return OTHERS


def log_numbers(axes, names="xy"):
    """Logarithmic, with ticks that read 0.5, 1, 200; to be called when all is drawn."""
    from matplotlib import ticker
    for name in names:
        getattr(axes, f"set_{name}scale")("log")
        axis = getattr(axes, f"{name}axis")
        low, high = getattr(axes, f"get_{name}lim")()
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 2000 * low else (1,)))
        axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axis.set_minor_formatter(ticker.NullFormatter())


def draw_latency(axes, entries):
    """A line from the 1st to the 99th percentile, thick between the quartiles, a dot at the median; sorted."""
    entries = sorted(entries, key=lambda entry: -entry["latency_ms"]["p50"])
    for place, entry in enumerate(entries):
        def at(percent):
            return entry["quantiles_ms"][2 * percent]
        shade = colour(entry["name"])
        axes.plot([at(1), at(99)], [place, place], color=shade, linewidth=1.2, solid_capstyle="butt")
        axes.plot([at(25), at(75)], [place, place], color=shade, linewidth=6, alpha=0.55, solid_capstyle="butt")
        axes.plot([at(50)], [place], "o", color=shade, markersize=5)
        axes.annotate(short(at(50)), (at(99), place), xytext=(5, 0), textcoords="offset points", va="center", color=shade)
    axes.set_xscale("log")
    axes.margins(x=0.1)
    log_numbers(axes, "x")
    axes.set_yticks(range(len(entries)), [entry["title"] for entry in entries])
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("milliseconds from the request to the checked answer, one client\n"
                    "dot: median; thick: quartiles; thin: 1st to 99th percentile")
    axes.set_title("Start latency", loc="left")


def spread(values, gap):
    """Places for labels on a log axis, in order, no two closer than `gap` (a factor)."""
    places, last = {}, 0
    for name, value in sorted(values.items(), key=lambda item: item[1]):
        last = max(value, last * gap)
        places[name] = last
    return places


def draw_throughput(axes, entries, clients):
    ends = {entry["name"]: entry["starts_per_second"][str(clients[-1])] for entry in entries}
    places = spread(ends, (max(ends.values()) / min(ends.values())) ** (1 / 24) if len(ends) > 1 else 1)
    for entry in entries:
        shade = colour(entry["name"])
        rates = [entry["starts_per_second"][str(count)] for count in clients]
        axes.plot(clients, rates, "o-", color=shade, markersize=3, linewidth=1.2)
        axes.annotate(f"{entry['title']}  {short(rates[-1])}", (clients[-1], rates[-1]),
                      xytext=(clients[-1] * 1.15, places[entry["name"]]), color=shade, va="center",
                      arrowprops={"arrowstyle": "-", "color": shade, "linewidth": 0.4})
    log_numbers(axes, "y")
    axes.set_xscale("log", base=2)
    axes.set_xticks(clients, list(map(str, clients)))
    axes.set_xlabel("clients at once")
    axes.set_title("Starts per second", loc="left")


def draw_start(pyplot, result):
    entries = result["contenders"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(15, 1.8 + 0.3 * len(entries)), width_ratios=(3, 2))
    draw_latency(left, entries)
    draw_throughput(right, entries, result["settings"]["clients"])
    return figure


def draw_curves(pyplot, result):
    """One panel for each curve of the scale mode, and for each series of the soak."""
    curves = result["curves"]
    rows = (len(curves) + 1) // 2
    figure, panels = pyplot.subplots(rows, 2, figsize=(12, 3.2 * rows), squeeze=False)
    for axes, curve in zip(panels.flat, curves):
        for label, values in curve["series"].items():
            axes.plot(curve["x"], values, "o-", markersize=3, label=label)
        if curve.get("log"):
            log_numbers(axes)
        else:
            axes.set_ylim(bottom=0)
        axes.set_xlabel(curve["x_label"])
        axes.set_title(curve["title"], loc="left")
        axes.legend(frameon=False)
    for axes in list(panels.flat)[len(curves):]:
        axes.set_visible(False)
    return figure


def caption(result):
    machine = result["machine"]
    return f"{machine['name']}: {machine['processor']}, {machine['cpus']} CPUs, Linux {machine['kernel']}, {machine['date'][:10]}"


def drawable(result):
    return bool(result.get("contenders") or result.get("curves"))


def draw(result, out):
    """The names of the files that were made in `out`."""
    pyplot = matplotlib()
    if not pyplot:
        return []
    figure = draw_start(pyplot, result) if "contenders" in result else draw_curves(pyplot, result)
    figure.text(0.005, 0.005, caption(result), fontsize=7, color="#666666")
    figure.tight_layout(rect=(0, 0.015, 1, 1))
    names = [f"{result['mode']}.{ending}" for ending in ("svg", "png")]
    for name in names:
        figure.savefig(out / name, dpi=130, metadata={"Date": None} if name.endswith("svg") else None)
    pyplot.close(figure)
    return names
