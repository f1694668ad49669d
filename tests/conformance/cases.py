"""What a case of RFC 6455 is: what is sent after the handshake, and what must come. Judged by `test_frames.py`.

The server speaks JSON above, so a `ping` command stands for the echo: it can be made up to 8 KB long, and its answer
names it. What is longer is a message for a room that nobody has joined, and is refused by that. The frames themselves are made by `tests/wire.py`, bit by bit.
"""

from typing import Final, NamedTuple

from madang.core.bounds import MAX_COMMAND
from tests.wire import CONTINUATION, TEXT, frame

_HEAD: Final = b'{"op":"ping","n":%d,"x":"'
_MESSAGE: Final = b'{"op":"send","n":%d,"room":"nowhere","cid":"c","text":"'
_TAIL: Final = b'"}'


class Case(NamedTuple):
    """One conversation.

    `sent` goes out piece by piece. `answers` are the numbers of the commands answered ok, or codes of errors, in order;
    `pongs` the payloads of pongs, in order. Without `close` the connection must live on; with it the server must close
    with this code (or one of these), and end the stream.
    """

    section: str  # of RFC 6455, or of RFC 7692 for compression
    what: str
    sent: tuple[bytes, ...]
    answers: tuple[int | str, ...] = ()
    pongs: tuple[bytes, ...] | None = ()  # None: any
    close: int | tuple[int, ...] | None = None


def echo(n: int, filler: bytes = b"") -> bytes:
    """Make a command whose answer has this number; `filler` is in it and must be sound inside a JSON string."""
    return _HEAD % n + filler + _TAIL


def sized(n: int, size: int) -> bytes:
    """Make a command of exactly that many bytes; `answers` says what becomes of the first."""
    head, tail = (_HEAD % n, _TAIL) if size <= MAX_COMMAND else (_MESSAGE % n, _TAIL)
    return head + b"x" * (size - len(head) - len(tail)) + tail


def answers(size: int) -> tuple[int | str]:
    """Return how `sized(1, size)` is answered."""
    return (1 if size <= MAX_COMMAND else "not_member",)


def text(n: int, **more: bool | int) -> bytes:
    """Make a command in a frame."""
    return frame(TEXT, echo(n), **more)  # type: ignore[arg-type]


def pieces(payload: bytes, *cuts: int) -> list[bytes]:
    """Frame a message in fragments, cut before these bytes."""
    borders = [0, *cuts, len(payload)]
    last = len(borders) - 2
    return [
        frame(TEXT if i == 0 else CONTINUATION, payload[borders[i] : borders[i + 1]], fin=i == last)
        for i in range(last + 1)
    ]


def slices(data: bytes, size: int = 1) -> tuple[bytes, ...]:
    """Cut bytes for as many writes."""
    return tuple(data[start : start + size] for start in range(0, len(data), size))
