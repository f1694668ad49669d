"""The part of docs/reference/performance.md that tells of the peers: made from bench/results/peers.json, between two marks.

`python -m bench.peers.page` rewrites it; a trial named `peers` does so by itself, and a test holds the page to it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.peers.catalogue import Peer
from bench.peers.report import PICTURES, Result, cell, lines, live, read
from bench.report import put, table
from bench.tools import BENCH, ROOT

NAME: Final = "peers"
PLACE: Final = BENCH / "results" / NAME
PAGE: Final = ROOT / "docs/reference/performance.md"
BEGIN, END = "<!-- made by `python -m bench.peers.page` -->\n", "<!-- end -->\n"


def part(result: Result) -> str:
    """Make the part of the page: pictures, the most important figures, and where the rest is."""
    pictures = "".join(f"![{alt}](../../bench/results/{NAME}-{kind}.png)\n\n" for kind, alt in PICTURES.items())
    where = ", ".join(f"{key} {result.machine[key]}" for key in ("CPU", "Go", "Node", "Redis") if key in result.machine)
    return (
        f"{pictures}{_figures(result)}\n"
        f"Measured {result.machine['measured']}, commit {result.machine['commit']}, {where}. The whole tables: "
        f"[results/{NAME}.md](../../bench/results/{NAME}.md).\n"
    )


def _figures(result: Result) -> str:
    def cells(peer: Peer) -> Sequence[str]:
        quiet, hot, fast, idle = (
            cell(result, peer, name) for name in ("quiet-room", "hot-room", "small-rooms-high", "idle")
        )
        rate = f" (at {peer.small[-1]:,})" if peer.small[-1] != 20_000 else ""
        return (
            quiet("cpu_us_delivery"), hot("per_second"), hot("p99"), fast("cpu_us_message"), fast("p99") + rate,
            idle("kb_per_socket"), live(result, peer),
        )  # fmt: skip

    head = (
        "server", "one room of 1,000: CPU µs per delivery", "1,000 msg/s offered: deliveries/s", "p99 ms",
        "500 rooms of 2: CPU µs per message", "20,000 msg/s: p99 ms", "KB per idle socket",
        "10,000 come back: all live, s", "does without",
    )  # fmt: skip
    return table(head, lines(result, cells))


def write(page: Path = PAGE) -> None:
    """Put the part into the page."""
    result = read(PLACE)
    if result is None:
        raise SystemExit(f"bench: there is no {PLACE.relative_to(ROOT)}.json; `python -m bench.peers --name {NAME}`")
    put(page, BEGIN, END, part(result))


if __name__ == "__main__":
    write()
