"""The parts of docs/reference/performance.md that tell of the peers: each made from the results of its name, between two marks.

`python -m bench.peers.page` rewrites them; a trial of such a name does so by itself, and a test holds the page to it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.peers.catalogue import MADANG, PEERS, SOCKETIO_DOOR, Peer
from bench.peers.report import PICTURES, Result, cell, lines, live, read
from bench.report import number, put, table
from bench.tools import BENCH, ROOT

PAGE: Final = ROOT / "docs/reference/performance.md"
PICTURED: Final = "peers"
SOCKETIO: Final = "socketio"
PARTS: Final = (PICTURED, SOCKETIO)
GOAL: Final = 1.3
"""Times what a delivery costs by the native door that it may cost by Socket.IO's."""
COMPARED: Final = (
    ("CPU per delivery in a quiet room", "quiet-room", "cpu_us_delivery"), ("CPU per delivery in a hot one", "hot-room", "cpu_us_delivery"),
    ("deliveries a second", "hot-room", "per_second"), ("p99 in a hot room", "hot-room", "p99"),
    ("CPU per message in small rooms", "small-rooms-middle", "cpu_us_message"), ("p99 there at 5,000 msg/s", "small-rooms-low", "p99"),
    ("p99 there at 10,000 msg/s", "small-rooms-middle", "p99"), ("memory of an idle socket", "idle", "kb_per_socket"),
    ("the time until 10,000 are back", "reconnect", "live_s"), ("what they get of what they missed", "reconnect", "recovered_share"),
)  # fmt: skip
"""What is compared with Socket.IO's own server, by workload and figure."""
_MORE_IS_BETTER: Final = ("per_second", "recovered_share")


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
        f"{pictures}{_figures(result)}\n{_goals(result) if name == SOCKETIO else ''}"
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


def _goals(result: Result) -> str:
    """Return sentences on which of the goals of Socket.IO's door are reached."""
    times = [
        f"{ours / native:.2f} × in a {room} room"
        for room in ("quiet", "hot")
        if (ours := result.value(SOCKETIO_DOOR.name, f"{room}-room", "cpu_us_delivery"))
        and (native := result.value(MADANG.name, f"{room}-room", "cpu_us_delivery"))
    ]
    ahead, behind = [*_compared(result, True)], [*_compared(result, False)]
    return (
        f"By Socket.IO a delivery costs {' and '.join(times)} what it costs by the native door; the goal is {GOAL} × at most. "
        "Of Socket.IO's own server, which stores nothing, this door is to be ahead at everything. "
        f"It is at {', '.join(ahead) or 'nothing'}. It is not at {', '.join(behind) or 'nothing'}.\n\n"
    )


def _compared(result: Result, ahead: bool) -> Iterator[str]:
    for what, workload, key in COMPARED:
        ours, theirs = (result.value(name, workload, key) for name in (SOCKETIO_DOOR.name, PEERS["socketio"].name))
        if ours is None or theirs is None:
            continue
        if (ours > theirs if key in _MORE_IS_BETTER else ours < theirs) is ahead:
            factor = 100 if key == "recovered_share" else 1
            yield f"{what} ({number(ours * factor)} against {number(theirs * factor)})"


def write(page: Path = PAGE) -> None:
    """Put the parts into the page."""
    for name in PARTS:
        result = read(place(name))
        if result is None:
            raise SystemExit(f"bench: there is no bench/results/{name}.json; `python -m bench.peers --name {name}`")
        put(page, *marks(name), part(name, result))


if __name__ == "__main__":
    write()
