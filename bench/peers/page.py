"""The parts of docs/reference/performance.md that tell of the peers: each made from the results of its name, between two marks.

`python -m bench.peers.page` rewrites them; a trial of such a name does so by itself, and a test holds the page to it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.peers.catalogue import Peer
from bench.peers.report import PICTURES, Result, cell, lines, live, read
from bench.report import put, table
from bench.tools import BENCH, ROOT

PAGE: Final = ROOT / "docs/reference/performance.md"
PICTURED: Final = "peers"
PARTS: Final = (PICTURED,)


def place(name: str) -> Path:
    """Return where the results of a trial are, without their endings."""
    return BENCH / "results" / name


def marks(name: str) -> tuple[str, str]:
    """Return the lines before and behind a part."""
    return f"<!-- {name}, made by `python -m bench.peers.page` -->\n", f"<!-- end of {name} -->\n"


def part(name: str, result: Result) -> str:
    """Make a part of the page: pictures, the most important figures, and where the rest is."""
    shown = PICTURES.items() if name == PICTURED else ()
    pictures = "".join(f"![{alt}](../../bench/results/{name}-{kind}.png)\n\n" for kind, alt in shown)
    where = ", ".join(f"{key} {result.machine[key]}" for key in ("CPU", "Go", "Node", "Redis") if key in result.machine)
    return (
        f"{pictures}{_figures(result)}\n"
        f"Measured {result.machine['measured']}, commit {result.machine['commit']}, {where}. The whole tables: "
        f"[results/{name}.md](../../bench/results/{name}.md).\n"
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
    """Put the parts into the page."""
    for name in PARTS:
        result = read(place(name))
        if result is None:
            raise SystemExit(f"bench: there is no bench/results/{name}.json; `python -m bench.peers --name {name}`")
        put(page, *marks(name), part(name, result))


if __name__ == "__main__":
    write()
