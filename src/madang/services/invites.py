"""Invites to rooms: signed texts that let everybody who has one join, for INVITE_S."""

from typing import Final

import jwt
import msgspec
from jwt.types import Options

from madang.core.permissions import Action, need

INVITE_S: Final = 7 * 24 * 3600
LEEWAY_S: Final = 60
_ISSUER: Final = "madang"
_AUDIENCE: Final = "madang/invite"  # not that of tokens: no invite is a token, and no token an invite
_ALGORITHMS: Final = ["HS256"]
# When an invite was made is not held against it: if that lies ahead, the clock has been turned back.
_CHECKS: Final[Options] = {"require": ["exp", "iat", "sub", "aud", "iss"], "verify_iat": False}


class Invite(msgspec.Struct, frozen=True):
    """An invite to one room, good for `expires_ms` from now on."""

    text: str
    expires_ms: int


class Invites:
    """Makes and checks invites. `now` is Unix seconds."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def make(self, role: str, room: str, now: float) -> Invite:
        """Return an invite to a room that the inviting actor has this role in (forbidden)."""
        need(role, Action.INVITE)
        claims = {"iss": _ISSUER, "aud": _AUDIENCE, "sub": room, "iat": int(now), "exp": int(now) + INVITE_S}
        return Invite(jwt.encode(claims, self._secret, _ALGORITHMS[0]), INVITE_S * 1000)

    def admits(self, invite: str, room: str) -> bool:
        """Return whether an invite lets its holder into a room."""
        try:
            claims = jwt.decode(
                invite, self._secret, _ALGORITHMS, audience=_AUDIENCE, issuer=_ISSUER, leeway=LEEWAY_S,
                options=_CHECKS,
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError):
            return False
        return bool(claims["sub"] == room)
