"""Measure search, and write results/NAME.md and .png.

    .venv/bin/python -m bench.search --name search            # all, over 1,000,000 messages, about ten minutes
    .venv/bin/python -m bench.search --messages 60000 --only SQLite PostgreSQL

Times are by the wall clock, on a machine on which nothing else runs; the best of three counts for each query.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.plot import INK
from bench.search import appends, peers, stores
from bench.search.corpus import SCOPES, Corpus
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
PEERS: Final = "peers"
APPENDS: Final = "appends"


def main() -> None:
    """Measure."""
    parts = [*stores.STORES, PEERS, APPENDS]
    parser = argparse.ArgumentParser(prog="bench.search", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--name", default="local-search")
    parser.add_argument("--seconds", type=float, default=8.0, help="of appends, in each turn")
    parser.add_argument("--turns", type=int, default=4, help="of appends with search on and off")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        about = machine.describe(Path(folder))
    lines = [
        "# Search",
        "",
        *(f"- {name}: {value}" for name, value in about.items()),
        f"- messages: {given.messages:,}",
    ]
    said = Corpus().said(given.messages) if set(given.only) - {APPENDS} else []
    done: list[Measured] = []
    for name in stores.STORES:
        if name in given.only:
            done.append(asyncio.run(stores.measured(name, said)))
            lines += stores.table(done[-1])
    if PEERS in given.only:
        lines += peers.table([asyncio.run(peers.trigrams(said)), *asyncio.run(peers.postgresql(said))])
    if APPENDS in given.only:
        lines += [
            "",
            "## Appends on SQLite, by 64 senders, with search on and off",
            *appends.measure(given.turns, given.seconds),
        ]
    path = ROOT / "bench" / "results" / given.name
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")
    if done:
        _draw(done, path.with_suffix(".png"))
    print(f"written: results/{given.name}.md")


def _draw(done: list[Measured], path: Path) -> None:
    """Draw each class's slowest query in 300 rooms, store by store, beside the budget."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    style: Any = {"font.size": 9, "axes.edgecolor": INK, "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(style):
        figure, panels = plt.subplots(1, len(SCOPES), figsize=(13, 5), sharey=True, layout="constrained")
        for place, (scope, axes) in enumerate(zip(SCOPES, panels, strict=True)):
            for n, result in enumerate(done):
                kinds = list(result.queries)[::-1]
                width = 0.8 / len(done)
                at = [row + width * (n - (len(done) - 1) / 2) for row in range(len(kinds))]
                slowest = [max(result.queries[kind][scope]) for kind in kinds]
                bars = axes.barh(at, slowest, width * 0.95, label=result.name)
                colour = bars.patches[0].get_facecolor()
                axes.axvline(BUDGETS[result.name][place], color=colour, lw=1, ls=":")
                axes.set_yticks(range(len(kinds)), kinds)
            axes.set_title(scope, fontsize=10)
            axes.set_xlabel("ms, slowest query; dotted: budget")
        panels[0].legend(frameon=False)
        messages, pages = done[0].messages, statistics.fsum(result.wrong for result in done)
        figure.suptitle(
            f"A page of 20 among {messages:,} messages; pages that a scan would not give: {pages:.0f}", color=INK
        )
        figure.savefig(path, dpi=120, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
