"""Offsets: how far a client is in all rooms that it follows. Each event carries one, and the client brings the last one back.

An offset names every room, because rooms are written on their own ticks: no one number could say what of the others has come. It
holds all that is needed to go on from it, so a node that was killed, and one that never knew the client, are the same. It is
neither secret nor signed: with a position that is not theirs a client gets what `join` gives it from there.

The bytes of an event are the same for all who follow its room alone. For a client that follows others, too, their positions
are put behind.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

NOWHERE: Final = b"-"
"""The offset of a client that follows nothing: it must not be empty, or the client would not keep it."""
ONE: Final = "^[a-z0-9][a-z0-9_-]{0,63}:(0|[1-9][0-9]{0,15}):[0-9a-f]{1,64}$"
"""The form of a position."""
_POSITION: Final = re.compile(r"([a-z0-9][a-z0-9_-]{0,63}):(0|[1-9][0-9]{0,15}):([0-9a-f]{1,64})")
BETWEEN: Final = b","


class Position(NamedTuple):
    """How far a client is in one room."""

    room: str
    seq: int
    epoch: str


def position(room: str, seq: int, epoch: str) -> bytes:
    """Return the part of an offset that is about one room."""
    return f"{room}:{seq}:{epoch}".encode()


def room_of(part: bytes) -> bytes:
    """Return the room that a part of an offset is about."""
    return part[: part.index(b":")]


def seq_of(part: bytes) -> int:
    """Return the seq in a part of an offset."""
    return int(part.split(b":", 2)[1])


def joined(parts: Iterable[bytes]) -> bytes:
    """Return the offset with these parts."""
    return BETWEEN.join(parts) or NOWHERE


def read(offset: str, most: int) -> list[Position] | None:
    """Return what an offset says; None if it is none, or is about more than `most` rooms."""
    if offset == NOWHERE.decode():
        return []
    parts = offset.split(BETWEEN.decode(), most)
    if len(parts) > most:
        return None
    found = [_POSITION.fullmatch(part) for part in parts]
    positions = {m[1]: Position(m[1], int(m[2]), m[3]) for m in found if m is not None}
    return list(positions.values()) if len(positions) == len(parts) else None
