"""Packets of Socket.IO to clients, each as text: what was answered, what happens, and how a connection begins and ends."""

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from madang.core.events import Event
from madang.errors import Limited, MadangError
from madang.protocol.native.answers import Answer, HelloAnswer
from madang.protocol.native.codec import shared_body
from madang.protocol.native.frames import Frame

_encode: Final = msgspec.json.Encoder().encode
_EVENT: Final = len(b'{"op":"event",')

DISCONNECT: Final = b"41"
END: Final = b'"]'
"""Follows the offset of an event, which follows `,"`."""


class _Problem(Struct, frozen=True, omit_defaults=True):
    code: str
    message: str
    retry_ms: int | UnsetType = UNSET
    event: str | UnsetType = UNSET
    room: str | UnsetType = UNSET


def event(event: Event, text: bytes, part: bytes) -> bytes:
    """Return the packet of an event of a log.

    Args:
        text: its frame as JSON (`native.codec.event`).
        part: of the offset that it brings.
    """
    return b'42["%s",{%s,"%s"]' % (event.type.encode(), text[_EVENT:], part)


def frame(frame: Frame) -> bytes:
    """Return the packet of any other frame, up to its offset."""
    name = str(frame.__struct_config__.tag).encode()
    text = _encode(frame)
    fields = text[len(b'{"op":"%s"' % name) :].removeprefix(b",")
    return b'42["%s",{%s,"' % (name, fields)


def said_hello(answer: HelloAnswer) -> bytes:
    """Return the packet of the first event, up to its offset."""
    return b'42["hello",%s,"' % _encode(answer)


def connected(sid: str, pid: str) -> bytes:
    """Return the packet that a client is connected by."""
    return b'40{"sid":"%s","pid":"%s"}' % (sid.encode(), pid.encode())


def not_connected(problem: MadangError) -> bytes:
    """Return the packet that a client is told by why it is not."""
    data = {"code": problem.code}
    return b"44" + _encode({"message": problem.message, "data": data | _retry(problem)})


def no_namespace(namespace: str) -> bytes:
    """Return the packet for whoever wants to connect to a namespace that there is not."""
    return b'44%s,{"message":"Invalid namespace"}' % namespace.encode()


def answer(id: int, answer: Answer) -> bytes:
    """Return the ack of a command that was carried out."""
    return b"43%d[%s]" % (id, _encode(answer))


def page(id: int, text: bytes, more: bool, seq: int, newer: bool | None) -> tuple[bytes, bytes, bytes]:
    """Return the same with a page of messages, in pieces, the middle of which is the same object for all."""
    head, middle, tail = shared_body(text, more, seq, newer)
    return b"43%d[{" % id + head, middle, tail + b"]"


def refusal(id: int, problem: MadangError) -> bytes:
    """Return the ack of a command that was refused."""
    return b'43%d[{"error":%s}]' % (id, _encode(_problem(problem)))


def error(problem: MadangError, event: str | None, room: str | None = None) -> bytes:
    """Return the packet of the event that tells of a refusal where nobody waits for an ack, up to its offset."""
    return b'42["error",%s,"' % _encode(_problem(problem, event, room))


def _problem(problem: MadangError, event: str | None = None, room: str | None = None) -> _Problem:
    return _Problem(
        problem.code,
        problem.message,
        problem.retry_ms if isinstance(problem, Limited) else UNSET,
        UNSET if event is None else event,
        UNSET if room is None else room,
    )


def _retry(problem: MadangError) -> dict[str, int]:
    return {"retry_ms": problem.retry_ms} if isinstance(problem, Limited) else {}
