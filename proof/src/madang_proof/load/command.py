"""Commands of the native protocol, as clients send them and keep them until they are answered."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from madang_proof.load import frames

TARGETED: Final = frozenset({"edit", "delete", "react", "pin", "read"})
_encode: Final = msgspec.json.Encoder().encode


class Command(msgspec.Struct, kw_only=True):
    """A command to send. `more` has the fields that the history does not note."""

    op: str
    room: str = ""
    cid: str = ""
    text: str = ""
    target: int = 0
    user: str = ""
    more: dict[str, Any] = {}
    keep: bool = False  # send again, with its cid, until it has a final answer
    done: Callable[["Command", frames.Frame | None], None] | None = (
        None  # called with the answer, or None when the connection ended
    )


class Asked(msgspec.Struct):
    """A command that was sent at `at` and waits for its answer."""

    command: Command
    at: int


def encode(c: Command, n: int) -> bytes:
    """Return the text frame of a command."""
    fields: dict[str, Any] = {"op": c.op, "n": n}
    named = {"room": c.room, "cid": c.cid, "text": c.text, "user": c.user}
    fields |= {name: value for name, value in named.items() if value}
    if c.op in TARGETED:
        fields["seq"] = c.target
    return _encode(fields | c.more)
