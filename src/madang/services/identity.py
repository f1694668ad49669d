"""Who is speaking: guests, users with tokens, ours or an issuer's, and servers with keys. Guests and requests are held to their limits here.

Tokens are in `tokens.py`, server keys in `server_keys.py`, and what these are for in `core.scopes`.
"""

import math
import secrets
import time as clock
from base64 import b32encode
from collections.abc import Callable, Collection, Container, Iterator
from contextlib import contextmanager

from madang.core import user_ids
from madang.core.actors import Actor
from madang.core.names import MAX_NAME, NAMELESS, clean_name, clean_title
from madang.core.profiles import clean_picture
from madang.core.scopes import EVERYTHING, clean_scopes, need_scope
from madang.errors import Limited, Refused
from madang.ports.directory import Directory, ServerKey
from madang.ports.issuers import Issuers, Vouched
from madang.ports.profiles import Said
from madang.ports.sessions import OpenSessions
from madang.services.limits import Limits
from madang.services.recovery import Recovery
from madang.services.server_keys import BEGINS, ServerKeys
from madang.services.tickets import Ticket, Tickets
from madang.services.tokens import LEEWAY_S, Access, Tokens


class Unfetched(Exception):
    """Whether a token is valid is not known before its issuer, or the database, has been asked.

    Attributes:
        maker: the server key that made it, if that is what has to be looked up.
    """

    def __init__(self, maker: str = "") -> None:
        super().__init__()
        self.maker = maker


class Identity:
    """Knows people and servers by what they show. `now` is Unix seconds.

    Args:
        time: loop time, as `limits` counts it.
        sessions: see `ServerKeys`.
        guests: who may make them: "open" for anybody, "keys" for server keys, "off" for nobody.
        deleted: users whose tokens mean nothing any more.
        issuers: those outside who are believed, if there are any.
        tickets: where connections may come with one.
        recovery: where they may come back by a pid.
        seen: told of users of theirs, who are new when they are seen first, and of those with an account.
        clock_ms: Unix milliseconds, by which server keys end.
        ended: sessions whose tokens mean nothing any more.
        used: told of sessions of accounts.
        met: told what a token of an outside issuer says of its user.
    """

    def __init__(
        self, tokens: Tokens, directory: Directory, limits: Limits, time: Callable[[], float], sessions: OpenSessions, *, guests: str = "open",
        deleted: Container[str] = (), issuers: Issuers | None = None, seen: Callable[[str], None] = lambda user: None,
        tickets: Tickets | None = None, recovery: Recovery | None = None, clock_ms: Callable[[], int] = lambda: clock.time_ns() // 1_000_000,
        ended: Container[str] = (), used: Callable[[str], None] = lambda session: None,
        met: Callable[[Said], None] = lambda said: None,
    ) -> None:  # fmt: skip
        self.tokens = tokens
        self._directory = directory
        self._limits = limits
        self._time = time
        self.server_keys = ServerKeys(directory, time, clock_ms, sessions)
        self.guests = guests
        self._deleted = deleted
        self._issuers = issuers
        self._seen = seen
        self._tickets = tickets
        self._recovery = recovery
        self._ended = ended
        self._used = used
        self._met = met

    def guest(self, name: str, address: str, now: float, by: Actor | None = None) -> Access:
        """Welcome a guest from an address: return a token for a fresh user of a checked name.

        Args:
            by: who asks for it. A server key may also where nobody becomes a guest by themselves, unless guests are off, and is not limited.

        Raises:
            Refused: no_guests, bad_name, rate_limited, quota.
        """
        limited = by is None or not by.server
        if limited:
            self._limits.addresses.guest(address, self._time())
        if self.guests == "off" or (limited and self.guests != "open"):
            raise Refused("no_guests")
        name = clean_name(name)
        if limited:
            try:
                self._limits.quotas.take_guest(address, self._time())
            except Limited:
                self._limits.addresses.give_back_guest(address, self._time())
                raise
        id = user_ids.guest(b32encode(secrets.token_bytes(10)).decode().lower())
        return self.tokens.sign(Actor(id=id, name=name, address=address), now)

    def verify(self, token: str, now: float, address: str = "") -> Access:
        """Return what a token grants, of this server (`Tokens.read`) or of an outside issuer.

        Args:
            address: where the token came from.

        Raises:
            Unfetched: its issuer has to be asked first; `access` does.
            Refused: bad_token, whatever is wrong with it; overloaded, where the issuer cannot be asked.
        """
        if self._issuers is not None and not self.tokens.recognises(token):
            try:
                vouched = self._issuers.verify(token)
            except Limited:
                raise
            except Refused:
                pass  # ours, perhaps, and signed by the first key
            else:
                if vouched is None:
                    raise Unfetched
                return self._outside(vouched, token, address)
        access = self._allowed(self.tokens.read(token, now, address))
        if session := access.user.session:
            self._used(session)
            self._seen(access.user.id)
        return access

    async def access(self, token: str, now: float, address: str = "") -> Access:
        """Return what `verify` does; its issuer is asked for new keys if that is needed, which may take seconds."""
        while True:
            try:
                return self.verify(token, now, address)
            except Unfetched as unfetched:
                if not unfetched.maker:
                    break
                await self.server_keys.look_up(unfetched.maker)
        assert self._issuers is not None
        return self._outside(await self._issuers.fetch(token), token, address)

    def _outside(self, vouched: Vouched, token: str, address: str) -> Access:
        """Return what an issuer's token grants: no more than it says, and nothing beyond its end."""
        id, name = user_ids.outside(vouched.issuer, vouched.subject), _usable(vouched.name)
        user = Actor(id=id, name=name or NAMELESS, address=address, rooms=vouched.rooms)
        access = self._allowed(Access(user, token, vouched.until + LEEWAY_S, vouched.issuer))
        self._seen(id)
        self._met(Said(id, name, _shown(vouched.picture), int(vouched.until * 1000)))
        return access

    def _allowed(self, access: Access) -> Access:
        if access.user.id in self._deleted or access.user.session in self._ended:
            raise Refused("bad_token")
        if access.by and not (in_force := self.server_keys.in_force(access.by)):
            if in_force is None:
                raise Unfetched(access.by)
            raise Refused("bad_token")
        return access

    def shown(self, token: str, now: float, address: str) -> Access:
        """Return what a token grants that a connection shows; one that is not valid is charged to its address.

        Raises:
            Unfetched, Refused: as `verify`.
        """
        with self._charged(address):
            return self.verify(token, now, address)

    async def shown_later(self, token: str, now: float, address: str) -> Access:
        """Return what `shown` does, where its issuer has to be asked."""
        with self._charged(address):
            return await self.access(token, now, address)

    async def ticket(self, actor: Actor, token: str, now: float, address: str) -> Ticket:
        """Return a ticket for the connection of a user who shows their token (forbidden for server keys, which have none)."""
        if actor.server or self._tickets is None:
            raise Refused("forbidden", "Tickets are for users: ask with a user's token.")
        return self._tickets.make(await self.access(token, now, address), now)

    async def shown_ticket(self, ticket: str, address: str) -> Access:
        """Return what a ticket grants that a connection shows, once; one that is not valid is charged to its address.

        Its user may have been deleted since it was made, and the key retired that signed the token behind it.

        Raises:
            Refused: bad_token.
            StorageError: whether it was used is not known; another one is needed.
        """
        with self._charged(address):
            if self._tickets is None:
                raise Refused("bad_token")
            return await self._still(await self._tickets.take(ticket, address))

    async def _still(self, access: Access) -> Access:
        """Return what something of ours grants now, whatever has become since of the token behind it (bad_token)."""
        if access.by:
            await self.server_keys.look_up(access.by)
        access = self._allowed(access)
        if not (user_ids.is_outside(access.user.id) or self.tokens.believes(access.key)):
            raise Refused("bad_token")
        return self.tokens.called_now(access)

    def pid(self, access: Access, sid: str) -> str:
        """Return what the client of a session comes back to it with."""
        assert self._recovery is not None
        return self._recovery.make(access, sid)

    async def shown_pid(self, pid: str, now: float, address: str) -> tuple[str, Access]:
        """Return the session of a pid that a connection shows, and what it grants (bad_token).

        One that is not valid costs nothing beyond the connection: it is made up by nobody, and many end at once with a key.
        """
        if self._recovery is None:
            raise Refused("bad_token")
        sid, access = self._recovery.read(pid, now, address)
        return sid, await self._still(access)

    @contextmanager
    def _charged(self, address: str) -> Iterator[None]:
        try:
            yield
        except Limited:
            raise
        except Refused:
            self._limits.addresses.wrong_hello(address, self._time())
            raise

    @staticmethod
    def same_user(user: Actor, access: Access) -> Access:
        """Return what another token of a user grants their connection. Raise Refused (bad_field) for one of another user."""
        if access.user.id != user.id:
            raise Refused("bad_field", "token: of another user.")
        return access

    async def caller(
        self,
        credential: str,
        now: float,
        address: str,
        operation: str,
        known: Callable[[Actor], object] = lambda actor: None,
    ) -> Access:
        """Return who makes a request with a token or a server key, and how long they may (bad_token, rate_limited, no_scope).

        All of a user's requests are held to the rate of one connection. A credential that is not valid is charged to its
        address.

        Args:
            operation: what is asked for, by its name in `core.scopes`; a key must have a scope for it.
            known: told who it is before that is judged.
        """
        try:
            if credential.startswith(BEGINS):
                server = await self.server(credential)
                known(server.user)
                need_scope(server.user.scopes, operation)
                return server
            access = await self.access(credential, now, address)
        except Limited:
            raise
        except Refused as refused:
            if refused.code != "no_scope":
                self._limits.addresses.wrong_token(address, self._time())
            raise
        known(access.user)
        self._limits.commands.request(access.user.id, self._time())
        return access

    async def caller_by_ticket(self, ticket: str, address: str) -> Access:
        """Return the same for whoever makes a request with a ticket, which is used up by it (bad_token, rate_limited)."""
        access = await self.shown_ticket(ticket, address)
        self._limits.commands.request(access.user.id, self._time())
        return access

    async def judge_again(self, credential: str, now: float) -> None:
        """Raise Refused (bad_token) if a token or a server key that was shown a while ago no longer holds."""
        if credential.startswith(BEGINS):
            await self.server(credential)
        else:
            await self.access(credential, now)

    async def server(self, key: str) -> Access:
        """Return the server that a key belongs to, for as long as the key holds (bad_token, also when it has ended)."""
        known = await self.server_keys.of(key)
        if known is None:
            raise Refused("bad_token")
        scopes = frozenset((known.scopes or EVERYTHING).split())
        user = Actor(id=user_ids.key_user(known.id), name=known.label, server=True, scopes=scopes)
        return Access(user, "", math.inf if known.expires_ms is None else known.expires_ms / 1000, "", known.id)

    def serves(self, credential: str) -> bool:
        """Return whether a credential is a server key that holds, as far as that is known at once."""
        return self.server_keys.holds(credential)

    @staticmethod
    def speaking_for(actor: Actor, id: str, name: str) -> Actor:
        """Return a user of another system in whose name a server acts (forbidden for all but server keys, bad_field, bad_name).

        Their id cannot be that of a user of this server, of a key, or of the server itself. Their name may be a reserved
        one ("Support"): a server is trusted with those.
        """
        if not actor.server:
            raise Refused("forbidden", "as: for server keys only.")
        return Actor(id=user_ids.foreign(id), name=clean_title(name), server=True, via=actor.id)

    async def token_of(self, actor: Actor, user: Actor, now: float, for_ms: int) -> Access:
        """Return a token that a server key makes for a user of its product; it ends no later than the key (bad_token)."""
        by = user_ids.key_of(actor.id)
        key = await self.server_keys.look_up(by)
        if key is None:
            raise Refused("bad_token")
        until = now + for_ms / 1000
        return self.tokens.made(user, now, by, until if key.expires_ms is None else min(until, key.expires_ms / 1000))

    async def add_key(
        self, label: str, now: float, scopes: Collection[str] = (), for_ms: int | None = None
    ) -> tuple[ServerKey, str]:
        """Make a server key. Return it with the text that its owner is shown once.

        Args:
            scopes: what it may be used for; empty for everything.
            for_ms: after how many milliseconds it ends; None for never.

        Raises:
            Refused: bad_field, bad_name, too_many.
        """
        limited, now_ms = clean_scopes(scopes), int(now * 1000)
        kept = None if EVERYTHING in limited else " ".join(limited)
        expires_ms = None if for_ms is None else now_ms + for_ms
        key, text = self.server_keys.make(clean_title(label), kept, now_ms, expires_ms)
        await self._directory.add_key(key)
        self.server_keys.forget(key.id)
        return key, text

    async def keys(self) -> list[ServerKey]:
        """Return all server keys, oldest first."""
        return await self._directory.keys()

    async def drop_key(self, id: str) -> None:
        """Delete a server key, which is worth nothing from now on (not_found)."""
        dropped = await self._directory.drop_key(id)
        self.server_keys.end(id)
        if not dropped:
            raise Refused("not_found", "There is no such key.")


def _usable(name: str) -> str | None:
    """Return an issuer's name for a user as others can be shown it, or None. It may be a reserved one: the issuer answers for it."""
    try:
        return clean_title(name[:MAX_NAME])
    except Refused:
        return None


def _shown(picture: str | None) -> str | None:
    """Return an issuer's picture of a user; one that nobody can be shown as none was said."""
    try:
        return None if picture is None else clean_picture(picture)
    except Refused:
        return None
