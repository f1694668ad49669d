"""Messages of y-protocols 1, as `y-websocket` speaks them: read and written without I/O. What updates hold is not read here.

    message   = 0 sync | 1 awareness | 2 auth | 3 query for awareness, then its content
    sync      = 0 step 1 (state vector) | 1 step 2 (update) | 2 update, as bytes with their length
    awareness = bytes with their length: a count, then of each client its id, its clock, and its state as JSON text
    auth      = 0 permission denied, and the reason as text

Numbers are unsigned LEB128, seven bits at a time. JavaScript's are exact up to 2**53: larger ones are refused.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from madang.core.varints import number
from madang.errors import MadangError
from madang.protocol import strict_json

MAX_MESSAGE: Final = 1 << 20
MAX_AWARENESS: Final = 64 * 1024
MAX_CLIENTS: Final = 100
"""Client ids in one awareness message."""
MAX_REASON: Final = 200
_SYNC, _AWARENESS, _AUTH, _QUERY = range(4)
_MOST: Final = (1 << 53) - 1
_VARINT_BYTES: Final = 8
_GONE: Final = b"null"


class Unreadable(Exception):
    """Not a message of this protocol, or one that is too large."""


class Step1(msgspec.Struct, frozen=True):
    """What a peer has: a state vector."""

    state: bytes


class Update(msgspec.Struct, frozen=True):
    """What a peer lacks, or has written: step 2 and update are applied alike."""

    data: bytes


class ClientState(msgspec.Struct, frozen=True):
    """What is to be shown of one client: an object as JSON text; None where it has gone."""

    client: int
    clock: int
    state: bytes | None


class Awareness(msgspec.Struct, frozen=True):
    """What is to be shown of some clients."""

    states: list[ClientState]


class Query(msgspec.Struct, frozen=True):
    """A question for what is to be shown of all clients."""


Message = Step1 | Update | Awareness | Query


def decode(data: bytes) -> Message:
    """Return a message of a client (Unreadable)."""
    kind, at = _varint(data, 0)
    if kind == _SYNC:
        step, at = _varint(data, at)
        content, at = _octets(data, at)
        if at != len(data) or step > 2:
            raise Unreadable("sync")
        return Step1(content) if step == 0 else Update(content)
    if kind == _AWARENESS:
        content, at = _octets(data, at)
        if at != len(data) or len(content) > MAX_AWARENESS:
            raise Unreadable("awareness")
        return Awareness(_states(content))
    if kind == _QUERY and at == len(data):
        return Query()
    raise Unreadable("kind")


def clocks(state: bytes) -> dict[int, int]:
    """Return up to where a state vector has what each client of a document wrote (Unreadable)."""
    count, at = _varint(state, 0)
    found: dict[int, int] = {}
    for _ in range(count):
        client, at = _varint(state, at)
        found[client], at = _varint(state, at)
    return found


def deletions(update: bytes) -> dict[int, list[tuple[int, int]]]:
    """Return what an update deletes that does nothing else: of each client, from where on and how much (Unreadable)."""
    written, at = _varint(update, 0)
    if written:
        raise Unreadable("more than deletions")
    count, at = _varint(update, at)
    found: dict[int, list[tuple[int, int]]] = {}
    for _ in range(count):
        client, at = _varint(update, at)
        ranges, at = _varint(update, at)
        found[client] = []
        for _ in range(ranges):
            clock, at = _varint(update, at)
            size, at = _varint(update, at)
            found[client].append((clock, size))
    return found


def _states(content: bytes) -> list[ClientState]:
    count, at = _varint(content, 0)
    if count > MAX_CLIENTS:
        raise Unreadable("clients")
    found: dict[int, ClientState] = {}
    for _ in range(count):
        client, at = _varint(content, at)
        clock, at = _varint(content, at)
        state, at = _octets(content, at)
        found[client] = ClientState(client, clock, _shown(state))
    if at != len(content):
        raise Unreadable("awareness")
    return list(found.values())


def _shown(state: bytes) -> bytes | None:
    if state == _GONE:
        return None
    try:
        strict_json.check(state)
    except MadangError as error:
        raise Unreadable("state") from error
    return state


def _varint(data: bytes, at: int) -> tuple[int, int]:
    try:
        value, end = number(data, at)
    except (IndexError, ValueError):
        raise Unreadable("number") from None
    if value > _MOST or end - at > _VARINT_BYTES:
        raise Unreadable("number")
    return value, end


def _octets(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _varint(data, at)
    if size > len(data) - at:
        raise Unreadable("length")
    return data[at : at + size], at + size


def step1(state: bytes) -> bytes:
    """Return the message that asks for what a state vector lacks."""
    return b"\x00\x00" + _with_length(state)


def step2(update: bytes) -> bytes:
    """Return the answer to a step 1."""
    return b"\x00\x01" + _with_length(update)


def update(data: bytes) -> bytes:
    """Return the message of an update."""
    return b"\x00\x02" + _with_length(data)


def awareness(states: Sequence[ClientState]) -> bytes:
    """Return the message of what is to be shown of some clients."""
    pieces = [_number(len(states))]
    for each in states:
        pieces += (_number(each.client), _number(each.clock), _with_length(_GONE if each.state is None else each.state))
    return b"\x01" + _with_length(b"".join(pieces))


def denied(reason: str) -> bytes:
    """Return the message that a client may not write."""
    return b"\x02\x00" + _with_length(reason[:MAX_REASON].encode())


def _with_length(data: bytes) -> bytes:
    return _number(len(data)) + data


def _number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
