"""What a case of RFC 6455 is: what is sent after the handshake, and what must come. Judged by `test_frames.py`.

The server speaks JSON above, so a `ping` command stands for the echo: it can be made any number of bytes long, and its
answer names it. The frames themselves are made by `tests/wire.py`, bit by bit.
"""

from typing import Final, NamedTuple

from tests.wire import CONTINUATION, TEXT, frame

MAX_FRAME: Final = 64 * 1024
_HEAD: Final = b'{"op":"ping","n":%d,"x":"'
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
    """Make a command of exactly so many bytes."""
    return echo(n, b"x" * (size - len(echo(n))))


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
