"""Bans, which keep a user out of a room whatever invite they show, and mutes, in which they may not write there.

Who may make them is in `permissions.py`; that one was made or lifted is an event (`events.py`). Where those in force are kept:
`ports.directory`.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MAX_BANS: Final = 10_000
"""Bans that may be in force in a room."""
MAX_MUTES: Final = 10_000
"""Mutes, likewise."""
MAX_REASON: Final = 200  # characters
ADDRESS_MS: Final = 24 * 3600 * 1000
"""How long a guest's ban holds their address, too, at most: many others may share it, and next week somebody else has it."""
FOREVER_MS: Final = 1 << 53
"""In place of a time, where there is no end."""

SanctionMs = Annotated[int, Meta(ge=1000, le=10 * 365 * 24 * 3600 * 1000)]
Reason = Annotated[str, Meta(max_length=1000)]  # how much of it may be seen, MAX_REASON says


class Sanction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"left_ms": "expires_ms"}):
    """A ban or a mute in force. Doors show it as it is, with `left_ms` under the name that clients know.

    Attributes:
        name: of the user, when they were last a member; empty if they never were.
        by: the user or server key who made it.
        left_ms: for how much longer it holds, by the database's clock; None for good.
    """

    user: str
    name: str = ""
    by: str
    reason: str = ""
    left_ms: int | None = None


class Ban(Sanction, frozen=True, kw_only=True, omit_defaults=True):
    """A ban in force."""


class Mute(Sanction, frozen=True, kw_only=True, omit_defaults=True):
    """A mute in force."""
