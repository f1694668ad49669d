"""The figures as text and as data: one table per workload, what each peer does without beside its figures."""

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from bench.peers.catalogue import MADANG, MADANG_DOORS, PEERS, Peer
from bench.peers.trial import DRAIN_SECONDS, Run
from bench.report import CROWDED, crowd, number, table

WHOLE: Final = 0.9999  # of what was to arrive; less than that is told
_RATES: Final = {"small-rooms-low": 5_000, "small-rooms-middle": 10_000, "small-rooms-high": 20_000}
_QUIET, _SOCKETS, _CROWD = 50, 5_000, 10_000


@dataclass
class Result:
    """One trial's figures, by peer and workload; and the peers that could not take part, with the reason."""

    machine: dict[str, str]
    seconds: float
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def of(self, peer: str, workload: str) -> list[Run]:
        return self.runs.get(peer, {}).get(workload, [])

    def add(self, peer: str, workload: str, run: Run) -> None:
        self.runs.setdefault(peer, {}).setdefault(workload, []).append(run)

    def peers(self) -> list[Peer]:
        """Those that have figures, in the order of the catalogue."""
        return [peer for name, peer in PEERS.items() if name in self.runs]

    def value(self, peer: str, workload: str, key: str) -> float | None:
        """The median of the repetitions that have this figure."""
        values = [run.values[key] for run in self.of(peer, workload) if key in run.values]
        return statistics.median(values) if values else None

    def note(self, peer: str, workload: str) -> str:
        """Why there is nothing, where there is nothing."""
        return next((run.note for run in self.of(peer, workload) if run.note), "")


def read(place: Path) -> Result | None:
    """Read what `write` has written, if it has."""
    path = place.with_suffix(".json")
    if not path.exists():
        return None
    data = json.loads(path.read_text())
    runs = {
        peer: {workload: [Run(**run) for run in found] for workload, found in workloads.items()}
        for peer, workloads in data["runs"].items()
    }
    return Result(data["machine"], data["seconds"], runs, data["left_out"])


def write(result: Result, place: Path) -> None:
    """Write NAME.json and NAME.md."""
    place.with_suffix(".json").write_text(json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n")
    facts = "".join(f"- {key}: {value}\n" for key, value in result.machine.items())
    pictures = "".join(f"![{alt}]({place.name}-{kind}.png)\n\n" for kind, alt in PICTURES.items())
    place.with_suffix(".md").write_text(
        f"# Measured: {place.name}\n\n{facts}{_method(result)}\n{pictures}{tables(result)}\n{left_out(result)}"
    )


PICTURES: Final = {
    "room": "One room of 1,000 sockets: CPU per delivery, and deliveries per second",
    "small": "500 rooms of 2 sockets: p99 by rate",
    "sockets": "Memory of an idle socket, and the time until 10,000 are live again",
}
"""Kinds of pictures and what they show."""


def brief(run: Run) -> str:
    """Say in one line what a run gave."""
    if run.note:
        return run.note
    shown = (
        ("per_second", "deliveries/s", 1.0), ("delivered_share", "% arrived", 100.0), ("p99", "ms p99", 1.0),
        ("cpu_us_delivery", "µs per delivery", 1.0), ("kb_per_socket", "KB per socket", 1.0), ("back_s", "s all back", 1.0),
        ("live_s", "s all live", 1.0), ("recovered_share", "% recovered", 100.0), ("connected_share", "% had joined", 100.0),
        ("cpu_ms_socket", "CPU ms per socket", 1.0),
    )  # fmt: skip
    values = run.values
    return "; ".join(f"{number(values[key] * factor)} {unit}" for key, unit, factor in shown if key in values)


def tables(result: Result) -> str:
    """Make all tables."""
    return "\n".join(
        f"## {title}\n\n{text}\n"
        for title, text in (
            ("One room of 1,000 sockets", _rooms(result)),
            ("500 rooms of 2 sockets, everybody sends", _small(result)),
            ("Sockets: idle, and coming back", _sockets(result)),
            ("What each promises", _promises(result)),
        )
    )


def lines(result: Result, cells: Callable[[Peer], Sequence[str]], workloads: Sequence[str] = ()) -> list[Sequence[str]]:
    """Return the lines of the peers that were measured under at least one of these workloads, or any."""
    there = [p for p in result.peers() if not workloads or any(result.of(p.name, name) for name in workloads)]
    return [(_name(peer), *cells(peer), peer.promises.lacks) for peer in there]


def _name(peer: Peer) -> str:
    title = f"{peer.title} ({peer.language})"
    return f"**{title}**" if peer in MADANG_DOORS else title


def _rooms(result: Result) -> str:
    def cells(peer: Peer) -> Sequence[str]:
        quiet, hot = cell(result, peer, "quiet-room"), cell(result, peer, "hot-room")
        slow = f" (at {number(peer.quiet)} msg/s)" if peer.quiet != _QUIET else ""
        return (
            quiet("cpu_us_delivery", slow), quiet("p99", partly=True),
            hot("per_second"), hot("delivered_share", factor=100, unit=" %"), hot("cpu_us_delivery"), hot("p99", partly=True),
        )  # fmt: skip

    head = (
        "server", "50 msg/s: CPU µs per delivery", "p99 ms", "1,000 msg/s: deliveries/s", "arrived", "CPU µs per delivery",
        "p99 ms", "does without",
    )  # fmt: skip
    return table(head, lines(result, cells, ("quiet-room", "hot-room")))


def _small(result: Result) -> str:
    def cells(peer: Peer) -> Sequence[str]:
        p99 = []
        for (name, usual), rate in zip(_RATES.items(), peer.small, strict=True):
            slow = f" (at {number(rate)})" if rate != usual else ""
            p99.append(cell(result, peer, name)("p99", slow, partly=True))
        return (*p99, cell(result, peer, "small-rooms-middle")("cpu_us_message"))

    heads = [f"{'p99 ms at ' if not n else ''}{number(rate)} msg/s" for n, rate in enumerate(_RATES.values())]
    return table(
        ["server", *heads, "CPU µs per message at the middle rate", "does without"], lines(result, cells, list(_RATES))
    )


def _sockets(result: Result) -> str:
    def cells(peer: Peer) -> Sequence[str]:
        idle, back = cell(result, peer, "idle"), cell(result, peer, "reconnect")
        few = f" ({number(peer.crowd)} sockets)" if peer.crowd != _CROWD else ""
        return (
            idle("kb_per_socket"), live(result, peer) + few, back("cpu_ms_socket"),
            back("recovered_share", factor=100, unit=" %"),
        )  # fmt: skip

    head = (
        "server", "KB per idle socket", "10,000 come back: all live after, s", "CPU ms per socket",
        "of what they missed they got", "does without",
    )  # fmt: skip
    reads = result.value(MADANG.name, "reconnect", "log_reads")
    told = f"\nMadang read its log {number(reads)} times meanwhile.\n" if reads is not None else ""
    return table(head, lines(result, cells, ("idle", "reconnect"))) + told


def live(result: Result, peer: Peer) -> str:
    """Write after how many seconds all were live again, or how far it came."""
    name = "reconnect"
    live_s = result.value(peer.name, name, "live_s")
    if live_s is not None:
        return number(live_s)
    back, connected = (result.value(peer.name, name, key) for key in ("live_share", "connected_share"))
    if back is not None:
        return f"never: {back:.0%} in time"
    if connected is not None:
        return f"{connected:.0%} had joined before the cut in time"
    return result.note(peer.name, name) or "–"


def _promises(result: Result) -> str:
    lines = []
    for peer in result.peers():
        p = peer.promises
        lines.append((_name(peer), p.stored, p.resume, p.order, p.acks, p.doubles))
    return table(("server", "stores", "resume", "order", "ack", "doubled when sent again"), lines)


def cell(result: Result, peer: Peer, workload: str) -> Callable[..., str]:
    """Return how to write a figure of a workload; a time of what arrived says so if not all did."""

    def cell(key: str, behind: str = "", *, factor: float = 1, unit: str = "", partly: bool = False) -> str:
        value = result.value(peer.name, workload, key)
        if value is None:
            return result.note(peer.name, workload) or "–"
        share = result.value(peer.name, workload, "delivered_share") or 0.0
        part = f", of the {share:.0%} that arrived" if partly and share < WHOLE else ""
        return f"{number(value * factor)}{unit}{behind}{part}"

    return cell


def _method(result: Result) -> str:
    repeat = max((len(runs) for workloads in result.runs.values() for runs in workloads.values()), default=0)
    all_runs = [run.values for workloads in result.runs.values() for runs in workloads.values() for run in runs]
    crowded = sum(crowd(values) > CROWDED for values in all_runs)
    return (
        f"- each figure: {f'median of {repeat} runs' if repeat > 1 else 'one run'} of {result.seconds:g} s and at most "
        f"{DRAIN_SECONDS:g} s more for what is late; server (with its Redis) on core 0, load on core 1; Go with GOMAXPROCS=1\n"
        "- messages of all are as long as Madang's event, about 200 bytes; what is around them is each server's own\n"
        f"- in {crowded} of {len(all_runs)} runs others took more than {CROWDED:.0%} of a core\n"
    )


def left_out(result: Result) -> str:
    """Name the peers that could not take part, with the reason."""
    if not result.left_out:
        return ""
    lines = "".join(f"- {PEERS[name].title}: {reason}\n" for name, reason in result.left_out.items())
    return f"## Left out\n\n{lines}"


def columns(result: Result, workload: str, key: str) -> list[tuple[Peer, float]]:
    """The peers that have a figure, with it."""
    found = [(peer, result.value(peer.name, workload, key)) for peer in result.peers()]
    return [(peer, value) for peer, value in found if value is not None]
