"""What was measured of search, as tables and a picture, and the part of docs/reference/search.md that has the most important of it.

`python -m bench.search.report` rewrites that part; a run named `search` does so by itself.
"""

import statistics
from pathlib import Path
from typing import Any, Final

from bench.plot import INK
from bench.report import put, table
from bench.search import appends, peers, stores
from bench.search.corpus import SCOPES
from bench.search.results import NAME, Result, place, read
from bench.search.stores import Measured
from bench.tools import ROOT

BUDGETS: Final = {
    "SQLite": (5, 5, 50),
    "PostgreSQL": (30, 30, 60),
    "MariaDB": (30, 30, 60),
    "OpenSearch": (30, 30, 60),
    "Elasticsearch": (30, 30, 60),
}
"""Milliseconds of the slowest query, by scope."""
PLACE: Final = place(NAME).with_suffix(".json")
PAGE: Final = ROOT / "docs/reference/search.md"
BEGIN, END = "<!-- made by `python -m bench.search.report` -->\n", "<!-- end of what was measured -->\n"


def lines(result: Result) -> list[str]:
    """Return all tables."""
    found = ["# Search", "", *(f"- {name}: {value}" for name, value in result.machine.items()),
             f"- messages: {result.messages:,}"]  # fmt: skip
    for name in stores.STORES:
        if name in result.stores:
            found += stores.table(result.stores[name])
    found += peers.table(result.peers)
    if result.appends:
        found += ["", "## Appends on SQLite, by 64 senders, with search on and off", *appends.table(result.appends)]
    return found


def part(result: Result) -> str:
    """Return the part of the page: the picture, the slowest query of each store beside its budget, and where the rest is."""
    head = (
        "index in",
        *(f"{scope}, ms" for scope in SCOPES),
        "µs a message",
        "bytes a message",
        "pages unlike a scan's",
    )
    rows = [_row(result.stores[name]) for name in stores.STORES if name in result.stores]
    machine = result.machine
    ratio = f"\n{appends.said(result.appends)}\n" if result.appends else ""
    return (
        f"![The slowest query of each class, by store.](../../bench/results/{NAME}.png)\n\n"
        f"The slowest of {_queries(result)} queries of 13 classes, a page of 20 among {result.messages:,} messages; bold is over its budget "
        f"({'; '.join(f'{name} {limits[0]}, {limits[1]} and {limits[2]} ms' for name, limits in BUDGETS.items() if name in result.stores)}).\n\n"
        f"{table(head, rows)}{ratio}\n"
        f"Measured {machine['measured']}, commit {machine['commit']}, CPU {machine['CPU']}. The whole tables, and what databases bring "
        f"themselves beside it: [results/{NAME}.md](../../bench/results/{NAME}.md).\n"
    )


def _queries(result: Result) -> int:
    one = next(iter(result.stores.values()))
    return sum(len(next(iter(times.values()))) for times in one.queries.values())


def _row(one: Measured) -> tuple[str, ...]:
    cells = []
    for scope, budget in zip(SCOPES, BUDGETS[one.name], strict=True):
        slowest = max(max(times[scope]) for times in one.queries.values())
        cells.append(f"{slowest:.1f}" if slowest <= budget else f"**{slowest:.1f}**")
    return (one.name, *cells, f"{one.index_us:.0f}", f"{one.bytes_each:.0f}", f"**{one.wrong}**" if one.wrong else "0")


def draw(result: Result, path: Path) -> None:
    """Draw each class's slowest query, scope by scope and store by store, beside the budgets."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    done = [result.stores[name] for name in stores.STORES if name in result.stores]
    style: Any = {"font.size": 9, "axes.edgecolor": INK, "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(style):
        figure, panels = plt.subplots(1, len(SCOPES), figsize=(13, 5), sharey=True, layout="constrained")
        for at, (scope, axes) in enumerate(zip(SCOPES, panels, strict=True)):
            for n, one in enumerate(done):
                kinds = list(one.queries)[::-1]
                width = 0.8 / len(done)
                rows = [row + width * (n - (len(done) - 1) / 2) for row in range(len(kinds))]
                slowest = [max(one.queries[kind][scope]) for kind in kinds]
                bars = axes.barh(rows, slowest, width * 0.95, label=one.name)
                colour = bars.patches[0].get_facecolor()
                axes.axvline(BUDGETS[one.name][at], color=colour, lw=1, ls=":")
                axes.set_yticks(range(len(kinds)), kinds)
            axes.set_title(scope, fontsize=10)
            axes.set_xlabel("ms, slowest query; dotted: budget")
        panels[0].legend(frameon=False)
        pages = statistics.fsum(one.wrong for one in done)
        figure.suptitle(
            f"A page of 20 among {result.messages:,} messages; pages that a scan would not give: {pages:.0f}", color=INK
        )
        figure.savefig(path, dpi=120, metadata={"Software": None})
        plt.close(figure)


def write(page: Path = PAGE, path: Path = PLACE) -> None:
    """Put the part into the page."""
    result = read(path)
    if result is None or not result.stores:
        raise SystemExit(f"bench: {path.name} has no store; `python -m bench.search --name {NAME}`")
    put(page, BEGIN, END, part(result))


if __name__ == "__main__":
    write()
