"""The load: how a server is spoken to, what wsload is told, and what it says. reconnecting.py has the other load tool."""

import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.tools import tool

LOAD_CORE: Final = "1"
BOUND_SECONDS: Final = 120.0  # for one run; nothing that works takes half of it


@dataclass(frozen=True)
class Speech:
    """How a kind of server is spoken to. tools/sockets.h tells what is filled in for {I} {G} {N} {T} and the like.

    `again` is what a socket says that comes back (empty: `hello`). `listen` are options of both load tools, about what
    is heard; `listen_load` and `listen_back` those of wsload and reconnect alone.
    """

    path: str
    hello: str
    publish: str
    again: str = ""
    acks: bool = False
    listen: tuple[str, ...] = ()
    listen_load: tuple[str, ...] = ()
    listen_back: tuple[str, ...] = ()


MADANG: Final = Speech(
    path="/ws",
    hello='{"op":"hello","n":1,"guest":"u{I}"}|{"op":"join","n":2,"room":"g{G}","limit":0}',
    publish='{"op":"send","n":{N},"room":"g{G}","cid":"c{N}","text":"@T{T} hello there"}',
    again='{"op":"hello","n":1,"token":"{K}"}|{"op":"join","n":2,"room":"g{G}","since":{S},"epoch":"{E}"}',
    acks=True,
    listen=("--error", '"op":"error"', "--seq", '"seq":'),
    listen_load=("--ack", '"ack":"stored"}'),
    listen_back=("--joined", '"reset":', "--keep", '"token":"', "--epoch", '"epoch":"', "--skip", '"to":'),
)
# Whoever comes back says how far they were in g0; a pid and an offset are all that the server wants.
SOCKETIO_DOOR: Final = Speech(
    path="/socket.io/?EIO=4&transport=websocket",
    hello='40{"guest":"u{I}"}|420["join",{"room":"g{G}","limit":0}]',
    publish='42{N}["send",{"room":"g{G}","cid":"c{N}","text":"@T{T} hello there"}]',
    again='40{"pid":"{K}","offset":"g0:{E}"}',
    acks=True,
    listen=("--error", '"error":{', "--seq", '"seq":'),
    listen_load=("--ack", '"ack":"stored"}'),
    listen_back=(
        *("--joined", '"reset":', "--again", '40{"sid":', "--keep", '"pid":"', "--epoch", '"g0:', "--skip", '"to":'),
    ),
)
# As long as the event that a Madang server makes of its `publish`: a server that repeats what it gets is given this.
EVENT: Final = (
    '{"op":"event","room":"g{G}","seq":{N},"type":"message.sent","id":"382771908774461440","user":"u5kjk3o6mjd7euewv",'
    '"name":"u1","at":"2026-11-22T09:00:00.123Z","text":"@T{T} hello there"}'
)
FLOOR: Final = Speech(path="/", hello="", publish=EVENT, listen=("--seq", '"seq":'))


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
    flood_refused: int
    thrown_out: int
    beside: dict[str, float]  # p99 of the flooder's neighbours: near or far, with or without the flooder
    by_node: dict[str, float]  # p50 and p99 to sockets of the sender's own node, and of another

    @property
    def complete(self) -> bool:
        """Whether everything offered was delivered and acked, once and in order."""
        return not (self.missing or self.missing_acks or self.refused or self.disorder or self.lost)


def command(
    load: Load, port: int | str, speech: Speech = MADANG, *, drain: float = 10, extra: tuple[str, ...] = ()
) -> list[str]:
    """Build the command line of one wsload run; `port` may be several, with commas between."""
    options = [*speech.listen_load, *speech.listen, *extra, "--drain", f"{drain:g}"]
    numbers = [f"{load.sockets}", f"{load.seconds:g}", f"{load.group}"]
    return [
        *("taskset", "-c", LOAD_CORE, str(tool("wsload")), *options, str(port), speech.path, *numbers),
        *(speech.hello, speech.publish, str(load.publishers), f"{load.rate:g}"),
    ]


def run(argv: list[str], at_mark: Callable[[str], None], log: Path, bound: float = BOUND_SECONDS) -> Heard:
    """Run wsload. `at_mark` is called with "publishing" and "drained" the moment wsload says so.

    Raises:
        RuntimeError: wsload gave up, or was ended after `bound` seconds; the message is what it said.
    """
    return parse(listen(argv, at_mark, log, bound))


def listen(argv: list[str], at_mark: Callable[[str], None], log: Path, bound: float) -> str:
    """Run a load tool and give what it printed; `at_mark` is called with each line that is a single word.

    Raises:
        RuntimeError: as for `run`.
    """
    said = []
    with log.open("w") as errors, subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        assert process.stdout is not None
        too_long = threading.Timer(bound, process.kill)
        too_long.start()
        try:
            for line in process.stdout:
                said.append(line)
                if line.strip().isalpha():
                    at_mark(line.strip())
        finally:
            too_long.cancel()
    if process.returncode:
        raise RuntimeError(f"the load ended with status {process.returncode}: {''.join(said)}{log.read_text()[-2000:]}")
    return "".join(said)


_BY_NODE: Final = r"^(own|other) node ms p50 ([\d.]+) .*p99 ([\d.]+)"
_BESIDE: Final = r"^(near|far) (with|without) ms .*p99 ([\d.]+)"


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
        flood_refused=int(number(r"flood refused (\d+)")),
        thrown_out=int(number(r"thrown out (\d+)")),
        by_node={
            f"{where} node {what}": float(value)
            for where, p50, p99 in re.findall(_BY_NODE, text, re.MULTILINE)
            for what, value in (("p50", p50), ("p99", p99))
        },
        beside={f"{where} {when}": float(p99) for where, when, p99 in re.findall(_BESIDE, text, re.MULTILINE)},
    )
