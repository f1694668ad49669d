"""Who is speaking: guests, users with tokens, and servers with keys. Guests and requests are held to their limits here.

A token is a JWT (RFC 7519, HS256) signed with the installation's secret, so that thousands can reconnect without a
look-up. A server key is `mk_<id>_<secret>`; only its SHA-256 is stored: 256 random bits need no slow hash.
"""

import hashlib
import re
import secrets
from base64 import b32encode
from collections.abc import Callable, Container
from typing import Final

import jwt
from jwt.types import Options

from madang.core import user_ids
from madang.core.actors import Actor
from madang.core.names import clean_name, clean_title
from madang.errors import Limited, Refused
from madang.ports.directory import Directory, ServerKey
from madang.services.limits import Limits
from madang.services.server_keys import ServerKeys

TOKEN_S: Final = 30 * 24 * 3600
RENEW_S: Final = TOKEN_S // 2  # a token with less time left is replaced
LEEWAY_S: Final = 60
_ISSUER: Final = "madang"
_SERVER_KEY: Final = "mk_"
# One spelling for each token: base64url without padding, whose last character has no bit set that it does not need. PyJWT
# reads others, too, and whoever knows a token by its text would be passed by.
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
_ALGORITHMS: Final = ["HS256"]
# When a token was made is not held against it: if that lies ahead, the clock has been turned back.
_CHECKS: Final[Options] = {"require": ["exp", "iat", "sub", "aud", "iss"], "verify_iat": False}


class Identity:
    """Makes and checks tokens. `now` is Unix seconds.

    Args:
        time: loop time, as `limits` counts it.
        guests: whether anybody may become one.
        deleted: users whose tokens mean nothing any more.
    """

    def __init__(
        self, secret: bytes, directory: Directory, limits: Limits, time: Callable[[], float], *, guests: bool = True,
        deleted: Container[str] = (),
    ) -> None:  # fmt: skip
        self._secret = secret
        self._directory = directory
        self._limits = limits
        self._time = time
        self._server_keys = ServerKeys(directory, time)
        self._guests = guests
        self._deleted = deleted

    def guest(self, name: str, address: str, now: float, by: Actor | None = None) -> tuple[Actor, str]:
        """Welcome a guest from an address: return a fresh user of a checked name, and a token.

        Args:
            by: who asks for it. A server key may also where nobody becomes a guest by themselves, and is not limited.

        Raises:
            Refused: no_guests, bad_name, rate_limited, quota.
        """
        limited = by is None or not by.server
        if limited:
            self._limits.addresses.guest(address, self._time())
            if not self._guests:
                raise Refused("no_guests")
        name = clean_name(name)
        if limited:
            try:
                self._limits.quotas.take_guest(address, self._time())
            except Limited:
                self._limits.addresses.give_back_guest(address, self._time())
                raise
        id = user_ids.guest(b32encode(secrets.token_bytes(10)).decode().lower())
        user = Actor(id=id, name=name, address=address)
        return user, self.token(user, now)

    def token(self, user: Actor, now: float, session: str | None = None) -> str:
        """Sign a token for a user.

        Args:
            session: of the token that it replaces; a new one begins without. Nothing looks sessions up yet.
        """
        claims = {"iss": _ISSUER, "aud": _ISSUER, "sub": user.id, "name": user.name, "iat": int(now)}
        claims["sid"] = session or secrets.token_hex(8)
        return jwt.encode({**claims, "exp": int(now) + TOKEN_S}, self._secret, _ALGORITHMS[0])

    def verify(self, token: str, now: float, address: str = "") -> tuple[Actor, str]:
        """Return the user of a token, and the token to go on with: the same, or a fresh one after half its time.

        A token that has expired is taken for LEEWAY_S more, because clocks differ, and is no longer replaced.

        Args:
            address: where the token came from.

        Raises:
            Refused: bad_token, whatever is wrong with it.
        """
        if _JWT.fullmatch(token) is None:
            raise Refused("bad_token")
        try:
            claims = jwt.decode(
                token, self._secret, _ALGORITHMS, audience=_ISSUER, issuer=_ISSUER, leeway=LEEWAY_S,
                options=_CHECKS,
            )  # fmt: skip
            user = Actor(id=str(claims["sub"]), name=str(claims["name"]), address=address)
        except (jwt.PyJWTError, KeyError, ValueError):
            raise Refused("bad_token") from None
        if user.id in self._deleted:
            raise Refused("bad_token")
        if not 0 < claims["exp"] - now <= RENEW_S:
            return user, token
        session = claims.get("sid")
        return user, self.token(user, now, session if isinstance(session, str) else None)

    def shown(self, token: str, now: float, address: str) -> tuple[Actor, str]:
        """Return what `verify` does of a token that a connection shows; one that is not valid is charged to its address."""
        try:
            return self.verify(token, now, address)
        except Refused:
            self._limits.addresses.wrong_hello(address, self._time())
            raise

    def refresh(self, user: Actor, token: str, now: float) -> str:
        """Return the token to go on with, of a user who shows another one of theirs (bad_token, bad_field)."""
        other, fresh = self.shown(token, now, user.address)
        if other.id != user.id:
            raise Refused("bad_field", "token: of another user.")
        return fresh

    @staticmethod
    def ends(token: str) -> float:
        """Return the Unix second up to which a token that was just verified or made here is taken."""
        claims = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"]) + LEEWAY_S

    async def caller(self, credential: str, now: float, address: str) -> Actor:
        """Return who makes a request with a token or a server key (bad_token, rate_limited).

        All of a user's requests are held to the rate of one connection. A credential that is not valid is charged to its
        address.
        """
        try:
            if credential.startswith(_SERVER_KEY):
                return await self.server(credential)
            actor, _ = self.verify(credential, now, address)
        except Refused:
            self._limits.addresses.wrong_token(address, self._time())
            raise
        self._limits.commands.request(actor.id, self._time())
        return actor

    async def server(self, key: str) -> Actor:
        """Return the server that a key belongs to (bad_token)."""
        known = await self._server_keys.of(key)
        if known is None:
            raise Refused("bad_token")
        return Actor(id=user_ids.key_user(known.id), name=known.label, server=True)

    def serves(self, credential: str) -> bool:
        """Return whether a credential is a server key that holds, as far as that is known at once."""
        return self._server_keys.holds(credential)

    @staticmethod
    def speaking_for(actor: Actor, id: str, name: str) -> Actor:
        """Return a user of another system in whose name a server acts (forbidden for all but server keys, bad_field, bad_name).

        Their id cannot be that of a user of this server, of a key, or of the server itself. Their name may be a reserved
        one ("Support"): a server is trusted with those.
        """
        if not actor.server:
            raise Refused("forbidden", "as: for server keys only.")
        return Actor(id=user_ids.foreign(id), name=clean_title(name), server=True, via=actor.id)

    async def add_key(self, label: str, now: float) -> tuple[ServerKey, str]:
        """Make a server key. Return it with the text that its owner is shown once (bad_name, too_many)."""
        id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        hash = hashlib.sha256(secret.encode()).hexdigest()
        key = ServerKey(id=id, label=clean_title(label), hash=hash, created_at=int(now * 1000))
        await self._directory.add_key(key)
        self._server_keys.forget(id)
        return key, f"mk_{id}_{secret}"

    async def keys(self) -> list[ServerKey]:
        """Return all server keys, oldest first."""
        return await self._directory.keys()

    async def drop_key(self, id: str) -> None:
        """Delete a server key, which is worth nothing from now on (not_found)."""
        dropped = await self._directory.drop_key(id)
        self._server_keys.forget(id)
        if not dropped:
            raise Refused("not_found", "There is no such key.")
