"""Marks: where a walk through all rooms goes on, told to whoever walks so that it tells them nothing.

An export comes to rest at any room, also at one that its reader must not know of. So the place is encrypted, at one length, for
that reader alone: nobody else's mark is taken, and none that they have made up, by which they could ask for what lies where.
"""

import hashlib
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from madang.errors import Refused

Place = tuple[str, int]
"""A room and a seq there."""
_NONCE: Final = 12
_PADDED: Final = 98  # bytes; a multiple of three with nonce and tag, so that a mark has one spelling
MARK: Final = (_NONCE + _PADDED + 16) // 3 * 4
"""Characters of a mark."""


class Marks:
    """Makes marks and reads them.

    Args:
        secret: of the installation, one that stays.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hashlib.blake2b(b"madang mark", key=secret[:64], digest_size=32).digest())

    def make(self, user: str, place: Place) -> str:
        """Return the mark of a place, for a user."""
        room, seq = place
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._cipher.encrypt(nonce, f"{seq}:{room}".encode().ljust(_PADDED), user.encode())
        return urlsafe_b64encode(nonce + sealed).decode()

    def read(self, user: str, mark: str) -> Place:
        """Return the place of a user's mark (bad_field)."""
        try:
            sealed = urlsafe_b64decode(mark)
            place = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], user.encode()).decode()
        except (ValueError, InvalidTag):
            raise Refused("bad_field", "after: this is not a `next` of yours.") from None
        return place_of(place.rstrip())


def place_of(text: str) -> Place:
    """Return the place that is written as SEQ:ROOM (bad_field)."""
    seq, _, room = text.partition(":")
    if not (seq.isascii() and seq.isdecimal() and room):
        raise Refused("bad_field", "after: this is not a `next`.")
    return room, int(seq)
