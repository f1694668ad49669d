"""One server under one load tool: from the tool's marks, what it heard, and /proc to figures.

Which servers and which loads is for others to say (trial.py for Madang and the floor, peers/ for the rest).
"""

import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import load, proc
from bench.load import BOUND_SECONDS, Load, Speech
from bench.server import SERVER_CORE, Server
from bench.tools import tool

Values = dict[str, float]
MISSED: Final = 20  # messages that every socket misses while it is away
BACK_SECONDS: Final = 50.0  # to wait for all to join, and again for all to come back


class Window:
    """CPU time of the server, and of everybody else on its core, between two marks of the load tool."""

    def __init__(self, server: Server, first: str = "publishing") -> None:
        self._pids = server.pids
        self._first = first
        self._marks: dict[str, tuple[float, proc.Cpu, float, int]] = {}
        self._calls: dict[str, dict[str, int]] = {}

    def mark(self, name: str) -> None:
        used = proc.cpu_of(self._pids)
        self._marks[name] = (time.monotonic(), used, proc.core_busy(SERVER_CORE), proc.resident_kb_of(self._pids))
        self._calls[name] = proc.calls(self._pids[0])

    def values(self) -> Values:
        (t0, cpu0, busy0, rss0), (t1, cpu1, busy1, rss1) = self._marks[self._first], self._marks["drained"]
        used, wall = cpu1 - cpu0, t1 - t0
        before = self._calls[self._first]
        return {key: float(value - before[key]) for key, value in self._calls["drained"].items()} | {
            "cpu_seconds": used.total,
            "core_use": used.total / wall,
            "kernel_share": used.system / used.total if used.total else 0.0,
            "thread_share": used.threads / (used.main + used.threads) if used.main else 0.0,
            "others_use": max(0.0, busy1 - busy0 - used.total) / wall,
            "rss_mb": rss1 / 1024,
            "rss_growth_mb": (rss1 - rss0) / 1024,
        }


def drive(
    server: Server,
    wanted: Load,
    place: Path,
    speech: Speech,
    *,
    drain: float = 10,
    extra: tuple[str, ...] = (),
    ports: str = "",
    before: tuple[str, ...] = (),
    at_mark: Callable[[str], None] = lambda name: None,
) -> Values:
    """Put a server under a load.

    Args:
        extra: more options of wsload.
        ports: of several nodes, with commas between; `server` stands for all of them then.
        before: what goes before the command line, like nice(1).
        at_mark: is told the tool's marks, "publishing" and "drained".

    Raises:
        RuntimeError: the load tool gave up, or nothing ended in time.
    """
    window = Window(server)
    argv = [*before, *load.command(wanted, ports or server.port, speech, drain=drain, extra=extra)]

    def marked(name: str) -> None:
        window.mark(name)
        at_mark(name)

    heard = load.run(argv, marked, place / "load.log")
    values = window.values()
    values |= {key: float(value) for key, value in vars(heard).items() if key not in ("beside", "by_node")}
    values |= {f"p99 {key}": value for key, value in heard.beside.items()} | heard.by_node
    values["load_others_use"] = max(0.0, 1.0 - heard.core_had)
    values["complete"] = float(heard.complete)
    values["delivered_share"] = heard.deliveries / ((heard.deliveries + heard.missing) or 1)
    values["cpu_us_delivery"] = values["cpu_seconds"] * 1e6 / (heard.deliveries or 1)
    messages = heard.acks if speech.acks else heard.deliveries / wanted.group
    values["cpu_us_message"] = values["cpu_seconds"] * 1e6 / (messages or 1)
    for key in ("reads", "writes", "sleeps"):
        values[f"{key}_message"] = values[key] / (heard.sent or 1)
    # The slower of the two: nobody is served by messages that are acked but not delivered, or the reverse.
    delivered_s = heard.per_second / wanted.group
    acked_s = heard.acks * heard.per_second / (heard.deliveries or 1) if speech.acks else delivered_s
    values["messages_s"] = min(delivered_s, acked_s)
    return values


def hold(server: Server, wanted: Load, place: Path, speech: Speech) -> Values:
    """Let sockets join and say nothing: what each of them costs."""
    rss, began = proc.resident_kb_of(server.pids), proc.cpu_of(server.pids).total
    window = Window(server)
    grown: Values = {}

    def at_mark(name: str) -> None:
        window.mark(name)
        if name == "publishing":
            grown["kb_per_socket"] = (proc.resident_kb_of(server.pids) - rss) / wanted.sockets
            grown["cpu_ms_join"] = (proc.cpu_of(server.pids).total - began) * 1000 / wanted.sockets

    heard = load.run(load.command(wanted, server.port, speech), at_mark, place / "load.log")
    return window.values() | grown | {"connects": heard.connects, "lost": float(heard.lost)}


def back_command(sockets: int, port: int, speech: Speech, limit: float) -> list[str]:
    """Build the command line of one `reconnect` run."""
    options = [*speech.listen, *speech.listen_back, "--missed", f"{MISSED}", "--limit", f"{limit:g}"]
    says = (speech.hello, speech.again or speech.hello, speech.publish)
    return [
        *("taskset", "-c", load.LOAD_CORE, str(tool("reconnect")), *options),
        *(str(port), speech.path, str(sockets), *says),
    ]


def come_back(
    server: Server,
    sockets: int,
    place: Path,
    speech: Speech,
    limit: float = BACK_SECONDS,
    at_mark: Callable[[str], None] = lambda name: None,
) -> Values:
    """Cut all sockets of one room at once, and let them come back. `limit` is in seconds, for either way.

    `at_mark` is called with "cutting" and "drained".

    `live_s` is missing where not all were live in time, `back_share` where not even the first time all could join.

    Raises:
        RuntimeError: the load tool gave up.
    """
    window = Window(server, "cutting")

    def marked(name: str) -> None:
        window.mark(name)
        at_mark(name)

    argv = back_command(sockets, server.port, speech, limit)
    said = load.listen(argv, marked, place / "load.log", BOUND_SECONDS + 2 * limit)

    def numbers(pattern: str) -> list[float]:
        found = re.search(pattern, said, re.MULTILINE)
        return [float(text) for text in found.groups()] if found else [0.0] * re.compile(pattern).groups

    connected, connect_s = numbers(r"^connected (\d+) in ([\d.]+)")
    values: Values = {"connected_share": connected / sockets, "connect_s": connect_s}
    if "drained" not in said:
        return values
    back, back_s, live, live_s = numbers(r"^back (\d+) of \d+ in ([\d.]+) s, live (\d+) in ([\d.]+)")
    recovered, doubled = numbers(r"recovered (\d+), .*doubled (\d+)")
    again, refused = numbers(r"^tried again (\d+), refused (\d+)")
    values |= window.values()
    values |= {"back_share": back / sockets, "live_share": live / sockets, "back_s": back_s}
    values |= {
        "recovered_share": recovered / (MISSED * sockets),
        "doubled": doubled,
        "again": again,
        "refused": refused,
    }
    values["cpu_ms_socket"] = values["cpu_seconds"] * 1000 / sockets
    return values | ({"live_s": live_s} if live == sockets else {})


def log_reads(admin_port: int) -> float:
    """Ask a Madang node how often it has read its log so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/metrics", timeout=10) as answer:
        found = re.search(r"^madang_log_reads_total ([\d.e+]+)$", answer.read().decode(), re.MULTILINE)
    assert found, "the node does not count its log reads"
    return float(found[1])
