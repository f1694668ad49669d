"""The figures for people: one table, and for each workload a sentence on what they mean."""

from collections.abc import Callable, Sequence
from typing import Final

from rich.table import Table

from madang_proof.measuring.figures import Figures, Times
from madang_proof.measuring.workloads import WORKLOADS

LIMITED: Final = "these figures are of the load generator, not of the server"
_NONE: Final = "–"
_ROWS: Final[tuple[tuple[str, Callable[[Figures], str]], ...]] = (
    ("sockets", lambda f: _number(f.sockets)),
    ("rooms", lambda f: _number(f.rooms)),
    ("messages sent", lambda f: _number(f.sent or None)),
    ("deliveries/s", lambda f: _number(f.deliveries_s or None)),
    ("acks/s", lambda f: _number(f.acks_s or None)),
    ("delivery p50 ms", lambda f: _time(f.latency, "p50")),
    ("delivery p99 ms", lambda f: _time(f.latency, "p99")),
    ("delivery max ms", lambda f: _time(f.latency, "max")),
    ("ack p99 ms", lambda f: _time(f.ack, "p99")),
    ("joins/s", lambda f: _number(f.joins_s or None)),
    ("back p50 s", lambda f: _time(f.back, "p50", 1e-3)),
    ("all back s", lambda f: _time(f.back, "max", 1e-3)),
    ("server: cores used", lambda f: _number(f.cpu_core, 2)),
    ("server: CPU µs per delivery", lambda f: _number(f.cpu_us_delivery, 2)),
    ("server: resident MB", lambda f: _number(f.resident_mb)),
    ("server: KB per socket", lambda f: _number(f.kb_per_socket, 1)),
    ("server: written to disk MB", lambda f: _number(f.disk_written_mb, 1)),
    ("generator: cores used", lambda f: _number(f.generator_cpu, 2)),
    ("generator: late p99 ms", lambda f: _number(f.generator_late_ms, 1)),
    ("complete", lambda f: "yes" if f.complete else ", ".join(missing(f))),
)


def _time(found: Times | None, key: str, factor: float = 1.0) -> str:
    return _number(getattr(found, key) * factor, 1) if found else _NONE


def _number(value: float | None, digits: int = 0) -> str:
    return _NONE if value is None else f"{value:,.{digits}f}"


def missing(figures: Figures) -> list[str]:
    """Return what a run lacks to be complete."""
    lacks = {
        "refused": figures.refused,
        "acks missing": figures.sent - figures.acked - figures.refused,
        "deliveries missing": max(0, figures.expected - figures.deliveries),
        "deliveries too many": max(0, figures.deliveries - figures.expected),
        "out of order": figures.disorder,
        "sockets lost": figures.lost,
    }
    return [f"{count:,} {what}" for what, count in lacks.items() if count > 0]


def table(runs: Sequence[Figures]) -> Table:
    """Return the table: a column per run, without rows that have no figure in any of them."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column("")
    for run in runs:
        made.add_column(run.workload, justify="right")
    for heading, give in _ROWS:
        cells = [give(run) for run in runs]
        if any(cell != _NONE for cell in cells):
            made.add_row(heading, *cells)
    return made


def meaning(figures: Figures) -> str:
    """Say in one line what a run means, compared with the project's budgets.

    The budgets are for a server with a core of its own on a 2-core machine.
    """
    parts = [_verdict(figures)]
    if figures.generator_limited:
        how = f"it used {figures.generator_cpu:.0%} of a core and sent {figures.generator_late_ms:.0f} ms late"
        parts.append(f"But {LIMITED} ({how}).")
    return f"{figures.workload}: {' '.join(parts)}"


def _verdict(f: Figures) -> str:
    if not f.complete:
        return f"not complete: {', '.join(missing(f))}."
    if f.workload == "idle":
        if f.kb_per_socket is None:
            return "memory is only seen of a server that this command has started."
        return f"{f.kb_per_socket:.1f} KB a socket; the budget is 16 KB: {_kept(f, f.kb_per_socket <= 16)}."
    if f.workload == "reconnect" and f.back:
        return f"all live again after {f.back.max / 1e3:.1f} s; the budget is 15 s for 10,000: {_kept(f, f.back.max <= 15_000)}{_of(f)}."
    budget_ms = {"hot-room": 100, "small-rooms": 50}.get(f.workload)
    if f.latency and budget_ms:
        return f"all delivered, p99 {f.latency.p99:.0f} ms; the budget is {budget_ms} ms: {_kept(f, f.latency.p99 <= budget_ms)}{_of(f)}."
    if f.workload == "users":
        seen = "once and in order" if f.parsed == f.sockets else f"once; in order, as {f.parsed} of the sockets saw it"
        return f"{f.acked:,} acks and {f.deliveries:,} receipts, each {seen}."
    return "all delivered; what it may cost has a budget only beside the floor (`make bench`)."


def _kept(f: Figures, kept: bool) -> str:
    """Judge a budget. A generator at its limit makes figures worse, so a kept budget is kept, but a missed one may not be."""
    return "kept" if kept else "it cannot be told whether it is kept" if f.generator_limited else "missed"


def _of(f: Figures) -> str:
    """Say so when the load was not the one that the budget is for."""
    usual = 10_000 if f.workload == "reconnect" else WORKLOADS[f.workload].load.sockets
    rate = WORKLOADS[f.workload].load.rate
    return "" if f.sockets == usual and f.offered_s in (0, rate) else ", but for another load than this one"
