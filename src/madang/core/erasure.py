"""What becomes of what deleted users said. How it is done, and what is left: `ports.erasures`."""

from typing import Final, Literal, get_args

import msgspec

Said = Literal["keep", "anonymise", "erase"]
"""It stays under the name that they had; under none; or nothing of it stays."""
KEEP: Final = "keep"
ANONYMISE: Final = "anonymise"
ERASE: Final = "erase"
SAID: Final[tuple[Said, ...]] = get_args(Said)
"""From the least to the most."""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """How far an erasure is; times are Unix milliseconds.

    Attributes:
        said: "anonymise" or "erase".
        room: the room that it is at; those before it are done.
        seq: the seq in that room up to which it is done.
        rooms: how many rooms have been told.
        events: how many events have been changed.
    """

    user: str
    said: Said
    asked_ms: int
    done_ms: int | None = None
    room: str = ""
    seq: int = 0
    rooms: int = 0
    events: int = 0
