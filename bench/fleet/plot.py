"""The figures of a fleet as pictures: ours in green, what others do in brown and grey, each line with its name at its end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from bench.fleet.couriers import OURS, WAYS
from bench.fleet.report import ELSEWHERE_BUDGET
from bench.fleet.results import Result
from bench.peers.plot import FAINT, INK, SOFT

_STYLE: Final[Any] = {
    "font.size": 9.5, "axes.edgecolor": SOFT, "axes.labelcolor": SOFT, "text.color": INK, "xtick.color": SOFT,
    "ytick.color": SOFT, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlelocation": "left",
}  # fmt: skip
_DATABASES: Final = {"SQLite": "#2f7d5b", "PostgreSQL": "#3a6ea5", "MariaDB": "#b5772a"}
_BUSES: Final = {"Redis": "#2f7d5b", "NOTIFY": "#3a6ea5"}
_WAYS: Final = {
    "all": "#9cc7b0", "partition": "#2f7d5b", "room": "#5da583", "adaptive": "#173f2e",
    "per event": "#b9a98f", "one pattern": "#c4845a", "pattern per room": "#b0432e",
}  # fmt: skip
Line = tuple[str, str, str, Sequence[tuple[float, float]]]
"""Name, colour, style, and points."""


def draw(result: Result, place: Path) -> None:
    """Draw NAME-appends.png, NAME-elsewhere.png and NAME-ways.png, as far as there are figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(_STYLE):
        for kind, width, paint in (("appends", 12, _appends), ("elsewhere", 12, _elsewhere), ("ways", 14, _ways)):
            if not any(result.of(kind)):
                continue
            figure = plt.figure(figsize=(width, 4.8), layout="constrained")
            paint(result, figure)
            path = place.with_name(f"{place.name}-{kind}.png")
            figure.savefig(path, dpi=130, facecolor="white", metadata={"Software": None})
            plt.close(figure)


def _points(result: Result, part: str, x: str, key: str, **about: str | int) -> list[tuple[float, float]]:
    """Return the points of a line: what was set against what was measured."""
    return [(float(row.about[x]), value) for row in result.of(part, **about) if (value := row.value(key))]


def _appends(result: Result, figure: Any) -> None:
    left, right = figure.subplots(1, 2)
    for axes, key, title, unit in (
        (left, "appends_s", "Stored by one store alone", "events per second, durable; more is better"),
        (right, "node_us", "What one event costs the node", "CPU µs; less is better"),
    ):
        lines: list[Line] = []
        for name, colour in _DATABASES.items():
            for rooms, style in ((500, "-"), (1, ":")):
                told = name if rooms == 500 else f"{name}, one room"
                lines.append(
                    (told, colour, style, _points(result, "appends", "batch", key, database=name, rooms=rooms))
                )
        _lines(axes, lines, f"{title}\n", unit, "events in a batch (log scale)")


def _elsewhere(result: Result, figure: Any) -> None:
    panels = figure.subplots(1, 2)
    rate, most = ELSEWHERE_BUDGET
    all_lines: dict[str, list[Line]] = {
        percentile: [
            (f"{bus}: {node} node", colour, style,
             _points(result, "elsewhere", "rate", f"{node} node {percentile}", bus=bus, nodes=2))
            for bus, colour in _BUSES.items()
            for node, style in (("own", ":"), ("other", "-"))
        ]
        for percentile in ("p50", "p99")
    }  # fmt: skip
    everything = [y for lines in all_lines.values() for *_, points in lines for _, y in points]
    for axes, percentile, title in zip(
        panels, all_lines, ("Half of all deliveries", "99 of 100 deliveries"), strict=True
    ):
        _lines(axes, all_lines[percentile], f"{title}, two nodes\n", "ms from when a send was due to the client; less is better",
               "messages per second, all rooms together (log scale)", also=[*everything, most])  # fmt: skip
    panels[1].axhline(most, color=INK, lw=1)
    panels[1].annotate(f"budget at {rate:,} msg/s: {most} ms", (0, most), (6, 4), ("axes fraction", "data"),
                       textcoords="offset points", fontsize=8.5)  # fmt: skip


def _ways(result: Result, figure: Any) -> None:
    panels = figure.subplots(1, 3)
    for axes, sweep, x, key, title, unit, label in (
        (panels[0], "nodes", "nodes", "redis_us", "Redis, by nodes", "CPU µs per event", "nodes that hear (log scale)"),
        (panels[1], "nodes", "nodes", "nodes_us", "All nodes together, by nodes", "CPU µs per event", "nodes that hear (log scale)"),
        (panels[2], "rooms", "rooms", "redis_us", "Redis, by rooms", "CPU µs per event", "rooms (log scale)"),
    ):  # fmt: skip
        lines: list[Line] = [
            (way, _WAYS[way], "-" if way in OURS else "--", _points(result, "ways", x, key, sweep=sweep, way=way))
            for way in WAYS
        ]
        _lines(axes, lines, f"{title}\n", f"{unit}; less is better", label)


def _lines(axes: Any, lines: Sequence[Line], title: str, unit: str, label: str, also: Sequence[float] = ()) -> None:
    """Draw lines on two log scales, with their names at their right ends. `also` are values to leave room for."""
    from matplotlib.ticker import LogLocator

    drawn = [line for line in lines if line[3]]
    for name, colour, style, points in drawn:
        axes.plot(
            [x for x, _ in points], [y for _, y in points], style, color=colour, lw=1.8, marker="o", ms=4.5, label=name
        )
    axes.set_xscale("log"), axes.set_yscale("log")
    places = sorted({x for *_, points in drawn for x, _ in points})
    axes.set_xticks(places, [f"{x:,g}" for x in places])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if _narrow(drawn, also) else (1,)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.grid(axis="y", color=FAINT, lw=0.8), axes.set_axisbelow(True)
    axes.set_xlabel(label), axes.set_title(title)
    axes.annotate(
        f"{unit} (log scale)", (0, 1), (0, 6), "axes fraction", textcoords="offset points", color=SOFT, fontsize=8.5
    )
    if not drawn:
        return
    values = [*also, *(y for *_, points in drawn for _, y in points)]
    axes.set_ylim(min(values) / 1.6, max(values) * 1.6)
    axes.set_xlim(places[0] / 1.15, places[-1] * (places[-1] / places[0]) ** 0.5)  # room for the names
    _names(axes, drawn)


def _narrow(lines: Sequence[Line], also: Sequence[float]) -> bool:
    """Whether all is within two powers of ten, so that more marks are needed to read it."""
    values = [*also, *(y for *_, points in lines for _, y in points)]
    return bool(values) and max(values) < 100 * min(values)


def _names(axes: Any, lines: Sequence[Line]) -> None:
    """Write each line's name at its right end; names that would touch are moved apart."""
    axes.figure.draw_without_rendering()  # now it is known which would touch
    below = -1e9
    for name, colour, _, points in sorted(lines, key=lambda line: line[3][-1][1]):
        x, y = points[-1]
        pixels = axes.transData.transform((x, y))[1]
        height = max(pixels, below + 16)
        below = height
        axes.annotate(name, (x, y), (8, (height - pixels) * 72 / axes.figure.dpi), textcoords="offset points", va="center",
                      color=colour, fontsize=8.5, fontweight="bold")  # fmt: skip
