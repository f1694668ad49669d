"""The load: what wsload is told, and what it says."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.tools import tool

LOAD_CORE: Final = "1"

# What a socket says first, and what a publisher sends. wsload fills in {I} {G} {N} {T}.
HELLO: Final = '{"op":"hello","n":1,"guest":"u{I}"}|{"op":"join","n":2,"room":"g{G}","limit":0}'
PUBLISH: Final = '{"op":"send","n":{N},"room":"g{G}","cid":"c{N}","text":"@T{T} hello there"}'
# The floor repeats what it gets, so it is given a frame as long as the event a Madang server makes of PUBLISH.
FLOOR_PUBLISH: Final = (
    '{"op":"event","room":"g{G}","seq":{N},"type":"message.sent","id":"382771908774461440","user":"u5kjk3o6mjd7euewv",'
    '"name":"u1","at":"2026-11-22T09:00:00.123Z","text":"@T{T} hello there"}'
)


@dataclass(frozen=True)
class Load:
    """Sockets in groups (a group is a room); the first `publishers` of each send `rate` messages a second each."""

    sockets: int
    group: int
    publishers: int = 0
    rate: float = 0
    seconds: float = 5

    @property
    def rooms(self) -> int:
        return -(-self.sockets // self.group)

    @property
    def offered(self) -> float:
        """Messages per second, of all rooms."""
        return self.rooms * self.publishers * self.rate


@dataclass(frozen=True)
class Heard:
    """What arrived. Times in ms, counted from when a message was due to be sent."""

    sent: int
    deliveries: int
    acks: int
    missing: int
    missing_acks: int
    refused: int
    disorder: int
    lost: int
    late_ms: float
    core_had: float  # of its core, by wsload; the loop spins, so what is missing others took
    per_second: float
    bytes_per_delivery: float
    per_read: float
    p50: float
    p99: float
    worst: float
    ack_p50: float
    ack_p99: float
    connects: float

    @property
    def complete(self) -> bool:
        """Whether everything offered was delivered and acked, once and in order."""
        return not (self.missing or self.missing_acks or self.refused or self.disorder or self.lost)


def command(load: Load, port: int, *, floor: bool = False, drain: float = 10) -> list[str]:
    """Build the command line of one wsload run."""
    path, hello, publish = ("/", "", FLOOR_PUBLISH) if floor else ("/ws", HELLO, PUBLISH)
    expect = [] if floor else ["--ack", '"ack":"stored"}', "--error", '"op":"error"']
    options = [*expect, "--seq", '"seq":', "--drain", f"{drain:g}"]
    numbers = [f"{load.sockets}", f"{load.seconds:g}", f"{load.group}"]
    return [
        *("taskset", "-c", LOAD_CORE, str(tool("wsload")), *options, str(port), path, *numbers),
        *(hello, publish, str(load.publishers), f"{load.rate:g}"),
    ]


def run(argv: list[str], at_mark: Callable[[str], None], log: Path) -> Heard:
    """Run wsload. `at_mark` is called with "publishing" and "drained" the moment wsload says so.

    Raises:
        RuntimeError: wsload gave up; the message is what it said.
    """
    said = []
    with log.open("w") as errors, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.strip() in ("publishing", "drained"):
                at_mark(line.strip())
    if process.returncode:
        raise RuntimeError(f"wsload ended with status {process.returncode}: {''.join(said)}{log.read_text()[-2000:]}")
    return parse("".join(said))


def parse(text: str) -> Heard:
    """Read what wsload printed; a line it had no reason to print counts as zeros."""

    def number(pattern: str) -> float:
        found = re.search(pattern, text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    deliveries = int(number(r"deliveries (\d+)"))
    per_second = number(r"([\d.]+) deliveries/s")
    megabytes = number(r"([\d.]+) MB/s")
    return Heard(
        sent=int(number(r"^sent (\d+)")),
        deliveries=deliveries,
        acks=int(number(r"^acks (\d+)")),
        missing=int(number(r"^missing (-?\d+)")),
        missing_acks=int(number(r"missing acks (-?\d+)")),
        refused=int(number(r"refused (\d+)")),
        disorder=int(number(r"out of order (\d+)")),
        lost=int(number(r"failed (\d+)")) + int(number(r"unsent (\d+)")),
        late_ms=number(r"latest publish ([\d.]+) ms"),
        core_had=number(r"had ([\d.]+) %") / 100,
        per_second=per_second,
        bytes_per_delivery=megabytes * 1e6 / per_second if per_second else 0.0,
        per_read=number(r"([\d.]+) messages/read"),
        p50=number(r"^latency ms p50 ([\d.]+)"),
        p99=number(r"^latency ms .*p99 ([\d.]+)"),
        worst=number(r"^latency ms .*max ([\d.]+)"),
        ack_p50=number(r"^ack ms p50 ([\d.]+)"),
        ack_p99=number(r"^ack ms .*p99 ([\d.]+)"),
        connects=number(r"\(([\d.]+)/s\)"),
    )
