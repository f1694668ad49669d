"""What was measured of search, part by part, as JSON: a later run may go on with it. What is made of it is in `report.py`."""

from pathlib import Path
from typing import Final

import msgspec

from bench.search.appends import Turn
from bench.search.peers import Peer
from bench.search.stores import Measured
from bench.tools import BENCH

NAME: Final = "search"
"""Of the results that the page shows."""


class Result(msgspec.Struct):
    """A trial, as far as it has come. Each part is there when it was measured."""

    machine: dict[str, str]
    messages: int
    stores: dict[str, Measured] = {}
    peers: list[Peer] = []
    appends: list[Turn] = []


def place(name: str) -> Path:
    """Return where the results of a name are, without their endings."""
    return BENCH / "results" / name


def read(path: Path) -> Result | None:
    """Return what a file has; None if there is none."""
    return msgspec.json.decode(path.read_bytes(), type=Result) if path.exists() else None


def write(result: Result, path: Path) -> None:
    """Write what there is."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
