"""Invites: rows that let whoever shows their secret into a room. Where they are kept: `ports.directory`.

Of the secret only a hash is known here. Who may make one is in `permissions.py`.
"""

import hashlib
from hmac import compare_digest
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

MAX_INVITES: Final = 100
"""Invites that may be in force in a room."""
INVITE_MS: Final = 7 * 24 * 3600 * 1000  # unless somebody asks for another time

_KIND: Final = "inv"

Uses = Annotated[int, Meta(ge=1, le=10_000)]
ForMs = Annotated[int, Meta(ge=1000, le=90 * 24 * 3600 * 1000)]
InviteId = Annotated[str, Meta(min_length=1, max_length=16)]


class InviteKey(NamedTuple):
    """What a user shows to be let in: the id of an invite, and the hash of its secret."""

    id: str
    hash: str


def invite_key(text: str) -> InviteKey | None:
    """Return what the text of an invite proves; None for what is not written like one."""
    kind, _, rest = text.partition("_")
    id, _, secret = rest.partition("_")
    return InviteKey(id, hash_of(secret)) if kind == _KIND and id and secret else None


def invite_text(id: str, secret: str) -> str:
    """Return an invite as it is passed on."""
    return f"{_KIND}_{id}_{secret}"


def hash_of(secret: str) -> str:
    """Return what is stored of a secret: 192 random bits need no slow hash."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """An invite to one room.

    Attributes:
        by: the user or server key who made it. It ends when they lose the right to make invites.
        seq: the room's newest event when it was made: it admits nobody who was kicked later.
        uses: how many more it admits; None for any number.
        until_ms: Unix milliseconds from which it admits nobody.
    """

    room: str
    id: str
    hash: str
    by: str
    seq: int = 0
    uses: int | None = None
    until_ms: int

    def admits(self, key: InviteKey, now_ms: int, kicked: int | None = None) -> bool:
        """Return whether it lets in who shows this key and was last kicked at this seq."""
        in_force = self.until_ms > now_ms and self.uses != 0
        return in_force and compare_digest(self.hash, key.hash) and (kicked is None or self.seq >= kicked)


class Kick(msgspec.Struct, frozen=True):
    """That a user was kicked from a room: by which event, and until when they cannot join it by themselves."""

    seq: int
    until_ms: int
