"""The figures of `bench/papers` as the parts of a page, and a picture. `python -m bench.papers.page` makes them again."""

import json
from pathlib import Path
from typing import Any, Final

from bench.report import put, table
from bench.tools import BENCH, ROOT

NAME: Final = "papers"
PLACE: Final = BENCH / "results" / f"{NAME}.json"
PICTURE: Final = BENCH / "results" / f"{NAME}.png"
PAGE: Final = ROOT / "docs/reference/papers-performance.md"
BEGIN, END = "<!-- made by `python -m bench.papers.page` -->\n", "<!-- end of papers -->\n"
TITLES: Final = {
    "madang": "Madang, all stored",
    "y-websocket": "y-websocket server, in memory",
    "y-websocket-leveldb": "y-websocket server, LevelDB",
    "hocuspocus": "Hocuspocus, database extension",
    "s1-whole-whole": "the whole document, saved whole before",
    "s1-delta-delta": "what has changed, each saved before",
}
Row = dict[str, Any]


def part(result: dict[str, Any]) -> str:
    """Return the part of the page."""
    parts = result["parts"]
    made = {"typing": _typing, "many": _many, "opening": _opening, "s1": _s1}
    return "\n".join(f"{made[name](parts[name]['of'])}\n{_measured(parts[name])}" for name in made if name in parts)


def _measured(of: dict[str, Any]) -> str:
    facts = of["machine"]
    loaded = f" **{facts['meanwhile'][:1].upper()}{facts['meanwhile'][1:]}.**" if "meanwhile" in facts else ""
    return f"Measured {facts['measured']}, commit {facts['commit']}, {of['seconds']:.0f} s of typing; {facts['CPU']}; {facts['disk']}.{loaded}\n"


def _cpu(row: Row) -> str:
    return f"{1e6 * row['cpu_s'] / row['seen']:.0f}"


def _typing(of: dict[str, Row]) -> str:
    head = (
        "20 people, 5 keys a second each, one paper",
        "p50, p99 ms",
        "CPU µs per key and screen",
        "keys seen",
        "lost by kill -9",
    )
    lines = [
        (TITLES[name], f"{row['p50']:.1f}, {row['p99']:.1f}", _cpu(row), _seen(row),
         f"{row['lost']['gone']:,} of {row['lost']['seen']:,} that others had seen")
        for name, row in of.items()
    ]  # fmt: skip
    return f"## One paper\n\n{table(head, lines)}"


def _seen(row: Row) -> str:
    return "all" if row["seen"] == row["wanted"] else f"**{row['seen']:,} of {row['wanted']:,}**"


def _many(of: dict[str, Row]) -> str:
    head = ("200 papers of 5, a key a second each", "p50, p99 ms", "CPU µs per key and screen", "keys seen")
    lines = [(TITLES[name], f"{row['p50']:.1f}, {row['p99']:.1f}", _cpu(row), _seen(row)) for name, row in of.items()]
    return f"## Many papers\n\n{table(head, lines)}"


def _opening(of: dict[str, Row]) -> str:
    head = ("a paper of 10,000 edits", "while it is open: median, most ms", "first after kill -9, ms")
    lines = [
        (TITLES[name], f"{row['open_ms']:.1f}, {row['open_max_ms']:.1f}",
         "**not all there**" if row["first_ms"] is None else f"{row['first_ms']:.1f}")
        for name, row in of.items()
    ]  # fmt: skip
    return f"## Opening one\n\n{table(head, lines)}"


def _s1(of: dict[str, dict[str, Row]]) -> str:
    writers = list(next(iter(of.values())))
    head = ("writers, on a page of 60 kB", *writers)
    lines = []
    for name, rows in of.items():
        lines.append((f"{TITLES[name]}: p99 ms", *(f"{rows[n]['p99']:.1f}" for n in writers)))
        lines.append(
            (f"{TITLES[name]}: kB to all screens per key", *(f"{rows[n]['bytes_per_key'] / 1000:.2f}" for n in writers))
        )
    picture = "![p99 and bytes by number of writers, for each way.](../../bench/results/papers.png)\n"
    return f"## The whole document, or what has changed\n\n{table(head, lines)}\n{picture}"


def draw(of: dict[str, dict[str, Row]], path: Path = PICTURE) -> None:
    """Draw S1's question: p99 and bytes by number of writers."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for key, unit, axis in (
        ("p99", "p99 from key to screen, ms", axes[0]),
        ("bytes_per_key", "kB to all screens per key", axes[1]),
    ):
        for name, rows in of.items():
            values = [row[key] / (1000 if key == "bytes_per_key" else 1) for row in rows.values()]
            axis.plot([int(n) for n in rows], values, marker="o", label=TITLES[name])
        axis.set_yscale("log")
        axis.set_xlabel("writers of one paper")
        axis.set_ylabel(unit)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)


def write(page: Path = PAGE, place: Path = PLACE) -> None:
    """Put the part into the page, and draw the picture."""
    result = json.loads(place.read_text())
    if "s1" in result["parts"]:
        draw(result["parts"]["s1"]["of"])
    put(page, BEGIN, END, part(result))


if __name__ == "__main__":
    write()
