"""Tokens of this server's own: how they are signed, and what one grants. Who they are for is `identity.py`'s.

A token is a JWT (RFC 7519, HS256), so that thousands can reconnect without a look-up. It names the key that signed it; one
that names none is of a version before, and was signed by `signing.FIRST`.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any, Final

import jwt
import msgspec
from jwt.types import Options

from madang.core.actors import Actor
from madang.core.signing import FIRST, Keyring, SigningKey
from madang.core.user_ids import is_account
from madang.errors import Refused

TOKEN_S: Final = 30 * 24 * 3600
RENEW_S: Final = TOKEN_S // 2  # a token with less time left is replaced
LEEWAY_S: Final = 60
_ISSUER: Final = "madang"
_MADE: Final = "madang by key"
"""The audience of tokens that server keys make. A version that would renew them, and not end them, does not take them."""
# One spelling for each token: base64url without padding, whose last character has no bit set that it does not need. PyJWT
# reads others, too, and whoever knows a token by its text would be passed by.
JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_ALGORITHMS: Final = ["HS256"]
# When a token was made is not held against it: if that lies ahead, the clock has been turned back.
CHECKS: Final[Options] = {"require": ["exp", "iat", "sub", "aud", "iss"], "verify_iat": False}


class Access(msgspec.Struct, frozen=True):
    """What a token grants.

    Attributes:
        token: to go on with; often the same.
        until: Unix second up to which that is taken.
        key: id of the key that signed it.
        by: id of the server key that made it, whose end is its end; empty for others.
    """

    user: Actor
    token: str
    until: float
    key: str
    by: str = ""

    def left_ms(self, now: float) -> int:
        """Return for how many milliseconds the token holds, to the second and LEEWAY_S not among them."""
        return max(0, (int(self.until) - LEEWAY_S - int(now)) * 1000)


class Tokens:
    """Signs tokens with the current key of a ring, and believes any of its keys. `now` is Unix seconds.

    Args:
        named: returns the name of a user who was renamed lately: what their tokens say may be older.
    """

    def __init__(self, keyring: Keyring, named: Callable[[str], str | None] = lambda user: None) -> None:
        self._keyring = keyring
        self._named = named
        self._keys: tuple[SigningKey, ...] = ()  # of which the rest is made
        self._secrets: dict[str, bytes] = {}  # by the ids of keys
        self._heads: dict[str, str] = {}  # what tokens begin with, to the id

    def sign(self, user: Actor, now: float, session: str | None = None) -> Access:
        """Sign a token for a user.

        Args:
            session: of the token that it replaces. A guest's is a new one, which nothing looks up; an account's is the user's own.
        """
        self._follow()
        key, until = self._keyring.current().id, int(now) + TOKEN_S
        claims = {"iss": _ISSUER, "aud": _ISSUER, "sub": user.id, "name": user.name, "iat": int(now)}
        claims["sid"] = user.session or session or secrets.token_hex(8)
        token = jwt.encode({**claims, "exp": until}, self._secrets[key], _ALGORITHMS[0], _headers(key))
        return Access(user, token, until + LEEWAY_S, key)

    def made(self, user: Actor, now: float, by: str, until: float) -> Access:
        """Sign a token that a server key makes for a user of its product, up to a Unix second. It is never replaced."""
        self._follow()
        key = self._keyring.current().id
        claims = {"iss": _ISSUER, "aud": _MADE, "sub": user.id, "name": user.name, "iat": int(now), "by": by}
        token = jwt.encode({**claims, "exp": int(until)}, self._secrets[key], _ALGORITHMS[0], _headers(key))
        return Access(user, token, int(until) + LEEWAY_S, key, by)

    def read(self, token: str, now: float, address: str) -> Access:
        """Return what a token grants, with a fresh one to go on after half its time, and if key or name are others by now.

        A token that has expired is taken for LEEWAY_S more, because clocks differ, and is no longer replaced.

        Raises:
            Refused: bad_token, whatever is wrong with it.
        """
        if JWT.fullmatch(token) is None:
            raise Refused("bad_token")
        try:
            key = self._key_of(token)
            claims: dict[str, Any] = jwt.decode(
                token, self._secrets[key], _ALGORITHMS, audience=[_ISSUER, _MADE], issuer=_ISSUER, leeway=LEEWAY_S,
                options=CHECKS,
            )  # fmt: skip
            id, said, session = str(claims["sub"]), str(claims["name"]), claims.get("sid")
            of_account = str(claims["sid"]) if is_account(id) else ""
            user = Actor(id=id, name=self._named(id) or said, address=address, session=of_account)
            by = str(claims["by"]) if claims["aud"] == _MADE else ""
        except (jwt.PyJWTError, KeyError, ValueError):
            raise Refused("bad_token") from None
        left_s = claims["exp"] - now
        lasts = left_s > RENEW_S and key == self._keyring.current().id and user.name == said
        if lasts or by or left_s <= 0:
            return Access(user, token, claims["exp"] + LEEWAY_S, key, by)
        return self.sign(user, now, session if isinstance(session, str) else None)

    def called_now(self, access: Access) -> Access:
        """Return what something signed a moment ago grants, to its user as they are called by now."""
        name = self._named(access.user.id)
        return (
            access
            if name is None
            else msgspec.structs.replace(access, user=msgspec.structs.replace(access.user, name=name))
        )

    def believes(self, key: str) -> bool:
        """Return whether tokens that a key has signed are taken; it may have been retired since."""
        self._follow()
        return key in self._secrets

    def recognises(self, token: str) -> bool:
        """Return whether a token names one of our keys. Those of the first name none, and begin as others' may."""
        self._follow()
        return self._heads.get(token.partition(".")[0], FIRST) != FIRST

    def _key_of(self, token: str) -> str:
        """Return the id of the key that a token names. Whether it is known, and has signed it, is another question."""
        self._follow()
        if (known := self._heads.get(token[: token.index(".")])) is not None:
            return known
        return str(jwt.get_unverified_header(token).get("kid", FIRST))

    def _follow(self) -> None:
        """Take over what has changed in the ring."""
        if self._keyring.keys is not self._keys:
            self._keys = self._keyring.keys
            self._secrets = {key.id: key.for_tokens() for key in self._keys}
            self._heads = {
                jwt.encode({}, secret, _ALGORITHMS[0], _headers(id)).partition(".")[0]: id
                for id, secret in self._secrets.items()
            }


def _headers(key: str) -> dict[str, Any] | None:
    return None if key == FIRST else {"kid": key}
