"""Consumers: who reads every room with a server key, each by a name of its own."""

from typing import Final

import msgspec

NAME: Final = "^[a-z0-9][a-z0-9_-]{0,63}$"
"""The form of a consumer's name."""
MOST: Final = 20
"""Consumers of a server key."""


class Consumer(msgspec.Struct, frozen=True):
    """A consumer of a server key; times are Unix milliseconds.

    Attributes:
        key: id of the key.
        seen_ms: when it was here last, as far as that was noted; 0 while it is being made or removed, and if that was broken off.
        reader: how many connections have begun to read for it: the newest of them is the one that does.
    """

    key: str
    name: str
    made_ms: int
    seen_ms: int
    reader: int = 0
