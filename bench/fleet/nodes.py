"""Whole nodes on a database server: what they store a second, and how long a send takes to a client of another node.

The nodes share core 0. The database, the bus and the load share core 1, the load at the lowest priority, so that it takes
no time from the servers; when it comes too late itself, that counts against the server.
"""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import load
from bench.driving import Values, drive
from bench.fleet.servers import Used
from bench.load import Load
from bench.server import Server, create_rooms, madang

GIVES_WAY: Final = ("nice", "-n", "19")
_SPEECH: Final = replace(load.MADANG, publish=load.MADANG.publish.replace("@T{T}", "@T{T}.{I}"))


@dataclass(frozen=True)
class Part:
    """A server that the nodes need: its setting for them, and its process."""

    url: str
    pid: int


def measure(place: Path, nodes: int, database: Part | None, bus: Part | None, wanted: Load) -> Values:
    """Put nodes under a load; the sockets of every room are spread over all of them.

    CPU is told per message: of the nodes together, of the database and of the bus.

    Args:
        place: an empty folder.
        database: None for SQLite.
        bus: None for a single node; where it is the database server, its CPU is told there.

    Raises:
        RuntimeError: a node does not start, or the load tool gave up.
    """
    settings = ([f"database = {json.dumps(database.url)}"] if database else []) + (
        [f"bus = {json.dumps(bus.url)}"] if bus else []
    )
    (place / "madang.toml").write_text("\n".join(settings))
    with ExitStack() as stack:
        running = []
        for n in range(nodes):
            (folder := place / f"node{n}").mkdir()
            running.append(stack.enter_context(madang(folder, ("--config", str(place / "madang.toml")))))
        create_rooms(running[0].port, wanted.rooms)
        parts = {"database": database} if database else {}
        if bus and (not database or bus.pid != database.pid):
            parts["bus"] = bus
        return _driven(place, running, parts, wanted)


def _driven(place: Path, nodes: Sequence[Server], parts: dict[str, Part], wanted: Load) -> Values:
    began: dict[str, Used] = {}
    took: dict[str, float] = {}

    def at_mark(name: str) -> None:
        if name == "publishing":
            began.update({part: Used(which.pid) for part, which in parts.items()})
        elif name == "drained":
            took.update({part: used.seconds() for part, used in began.items()})

    whole = Server(nodes[0].pid, nodes[0].port, tuple(node.pid for node in nodes[1:]))
    ports = ",".join(str(node.port) for node in nodes)
    values = drive(whole, wanted, place, _SPEECH, ports=ports, before=GIVES_WAY, at_mark=at_mark)
    del values["load_others_use"]  # the database and the bus have that core, too
    for part, seconds in took.items():
        values[f"{part}_us_message"] = seconds * 1e6 / (values["acks"] or 1)
    return values | {"offered": wanted.offered}


def rooms_of(sockets: int, total: float, seconds: float, rooms: int) -> Load:
    """Make a load of rooms with a number of sockets each, all of which send, `total` messages a second together."""
    return Load(rooms * sockets, sockets, sockets, total / (rooms * sockets), seconds)
