"""One measurement: one peer under one workload, on a fresh server, bounded in time and memory."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.driving import Values, come_back, drive, hold, log_reads
from bench.load import Load
from bench.peers.catalogue import MADANG_DOORS, Peer
from bench.peers.running import MEMORY_KB, OutOfMemory, running
from bench.trial import IDLE_SECONDS

DRAIN_SECONDS: Final = 4.0  # for what has not arrived when the last message has been sent
_ROOM: Final = Load(sockets=1000, group=1000, publishers=1)
_IDLE: Final = Load(sockets=5000, group=5000, seconds=IDLE_SECONDS)


@dataclass(frozen=True)
class Run:
    """What one measurement gave; `note` says why it gave nothing."""

    values: Values
    note: str = ""


@dataclass(frozen=True)
class Workload:
    """A name, what happens, and how it is measured."""

    name: str
    title: str
    measure: Callable[[Peer, Path, float], Values]


def measure(peer: Peer, workload: Workload, scratch: Path, seconds: float) -> Run:
    """Measure once. What a peer cannot do is a finding, not an error of ours."""
    place = scratch / "round"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        return Run(workload.measure(peer, place, seconds))
    except OutOfMemory:
        return Run({}, f"ended at {MEMORY_KB / 2**20:.0f} GB of memory")
    except (RuntimeError, OSError) as error:
        return Run({}, str(error).strip().splitlines()[-1][:120])


def _under(peer: Peer, wanted: Load, place: Path, seconds: float) -> Values:
    with running(peer, place, rooms=wanted.rooms, group=wanted.group) as server:
        asked = replace(wanted, seconds=seconds)
        return drive(server, asked, place, peer.speech, drain=DRAIN_SECONDS) | {"offered": wanted.offered}


def _quiet(peer: Peer, place: Path, seconds: float) -> Values:
    return _under(peer, replace(_ROOM, rate=peer.quiet), place, seconds)


def _hot(peer: Peer, place: Path, seconds: float) -> Values:
    return _under(peer, replace(_ROOM, publishers=20, rate=50), place, seconds)


def _small(place_of: int) -> Callable[[Peer, Path, float], Values]:
    def measured(peer: Peer, place: Path, seconds: float) -> Values:
        rate = peer.small[place_of]
        return _under(peer, Load(sockets=1000, group=2, publishers=2, rate=rate / 1000), place, seconds)

    return measured


def _idle(peer: Peer, place: Path, _seconds: float) -> Values:
    wanted = replace(_IDLE, sockets=min(_IDLE.sockets, peer.crowd), group=min(_IDLE.group, peer.crowd))
    with running(peer, place, rooms=1, group=wanted.group) as server:
        return hold(server, wanted, place, peer.speech) | {"sockets": float(wanted.sockets)}


def _reconnect(peer: Peer, place: Path, _seconds: float) -> Values:
    with running(peer, place, rooms=1, group=1 << 16) as server:
        before = log_reads(server.port + 1) if peer in MADANG_DOORS else 0.0
        values = come_back(server, peer.crowd, place, peer.speech) | {"sockets": float(peer.crowd)}
        return values | ({"log_reads": log_reads(server.port + 1) - before} if peer in MADANG_DOORS else {})


WORKLOADS: Final = {
    w.name: w
    for w in (
        Workload("quiet-room", "one room of 1,000 sockets, one of them sends 50 msg/s", _quiet),
        Workload("hot-room", "one room of 1,000 sockets, 20 of them send 1,000 msg/s together", _hot),
        Workload("small-rooms-low", "500 rooms of 2 sockets, all send, 5,000 msg/s together", _small(0)),
        Workload("small-rooms-middle", "the same, 10,000 msg/s", _small(1)),
        Workload("small-rooms-high", "the same, 20,000 msg/s", _small(2)),
        Workload("idle", "5,000 sockets joined to one room, silent", _idle),
        Workload("reconnect", "10,000 sockets of one room are cut and come back at once", _reconnect),
    )
}
