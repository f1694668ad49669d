"""People: the users of a product, whom its server keys make known, let in and disconnect.

Their ids are those that the product gives them (`core.user_ids`: foreign ones), so they are never those of guests, of accounts or
of an issuer's users. All keys of an installation share them. Their name is that of their profile: another one is told to their
rooms and connections at once (`profiles.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from madang.core import user_ids
from madang.core.actors import Actor, need_server_key
from madang.core.erasure import Erasure, Said
from madang.core.names import clean_title
from madang.core.people import Person
from madang.core.profiles import Profile
from madang.errors import Refused, without_frames
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.people import PeopleStore
from madang.ports.sessions import OpenSessions
from madang.services.identity import Identity
from madang.services.profiles import Profiles
from madang.services.tokens import Access
from madang.services.users import Users

DISCONNECTED: Final = "disconnect"
"""The topic of the signals; their key is the user."""
DAY_MS: Final = 86_400_000
TOGETHER: Final = 64
"""Users who have another name and whose rooms are told at a time."""


class People:
    """Use cases of server keys; Refused (forbidden) for whoever else asks.

    Args:
        clock_ms: Unix milliseconds.
        sessions: whose connections are closed.
        note: notes who is about to do what to whom (`Moderation.note`).
    """

    def __init__(
        self,
        store: PeopleStore,
        users: Users,
        identity: Identity,
        profiles: Profiles,
        bus: Bus,
        sessions: OpenSessions,
        clock_ms: Callable[[], int],
        note: Callable[[Actor, str, Mapping[str, str]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._users = users
        self._identity = identity
        self._profiles = profiles
        self._bus = bus
        self._clock_ms = clock_ms
        self._note = note
        self._sessions = sessions

    async def put(self, actor: Actor, wanted: Sequence[tuple[str, str]]) -> list[Person | Refused]:
        """Make users known, given by id and name, or give them other names; return what became of each.

        Of an id that is there twice the last name holds.

        Returns:
            The person as they are known now, or bad_field, bad_name, or gone for one who was deleted.
        """
        need_server_key(actor)
        found: list[Person | Refused] = []
        for id, name in wanted:
            try:
                found.append(Person(user_ids.foreign(id, "id"), clean_title(name)))
            except Refused as refused:
                found.append(without_frames(refused))
        last = {each.id: each for each in found if isinstance(each, Person)}
        deleted, renamed = set[str](), set[str]()
        if last:
            deleted, renamed = await self._store.put_people(list(last.values()), self._clock_ms())
        await self._tell([last[id] for id in sorted(renamed)])
        return [
            _gone("id") if isinstance(each, Person) and (each.id in deleted or each.id in self._users) else each
            for each in found
        ]

    async def _tell(self, renamed: Sequence[Person]) -> None:
        """Tell everybody what some users are called now, TOGETHER at a time; who could not be told stops nobody else from it."""
        failed: list[BaseException] = []
        for n in range(0, len(renamed), TOGETHER):
            some = (self._profiles.renamed(each.id, each.name) for each in renamed[n : n + TOGETHER])
            outcomes = await asyncio.gather(*some, return_exceptions=True)
            failed += [each for each in outcomes if each is not None]
        if failed:
            raise failed[0]

    async def names(self, ids: Collection[str]) -> dict[str, str]:
        """Return the names of those of some users who are known."""
        return await self._store.people(set(ids)) if ids else {}

    def speaker(self, actor: Actor, id: str, name: str | None, known: Mapping[str, str]) -> Actor:
        """Return a user for whom a key speaks, by `Identity.speaking_for`; without a name they must be known.

        Raises:
            Refused: forbidden, bad_field, bad_name; not_found for one who is not known; gone for one who was deleted.
        """
        need_server_key(actor)
        user_ids.foreign(id)
        if id in self._users:
            raise _gone("as")
        if name is None and (name := known.get(id)) is None:
            raise Refused("not_found", "as: this user is not known. Say their name, or make them known first.")
        return self._identity.speaking_for(actor, id, name)

    async def speaker_of(self, actor: Actor, id: str, name: str | None) -> Actor:
        """Return what `speaker` does, looking the name up where it is needed."""
        known = await self.names([id]) if name is None and actor.server else {}
        return self.speaker(actor, id, name, known)

    async def token(self, actor: Actor, id: str, now: float, for_ms: int | None = None) -> Access:
        """Return a token for a user who is known. It ends with the key that made it, and nobody but the product renews it.

        Args:
            for_ms: how long it holds; None for a day.

        Raises:
            Refused: forbidden, bad_field, not_found; gone for a user who was deleted.
        """
        need_server_key(actor)
        user_ids.foreign(id, "id")
        if id in self._users:
            raise _gone("id")
        if (name := (await self._store.people([id])).get(id)) is None:
            raise Refused("not_found", "There is no such user.")
        return await self._identity.token_of(actor, Actor(id=id, name=name), now, for_ms or DAY_MS)

    async def delete(self, actor: Actor, user: str, said: Said) -> None:
        """Delete any user, as `Users.delete` (forbidden, not_found)."""
        need_server_key(actor)
        await self._users.delete(user, actor, said)

    async def erasure(self, actor: Actor, user: str) -> Erasure:
        """Return how far the erasure of a deleted user is (forbidden, not_found)."""
        need_server_key(actor)
        return await self._users.erasure(user)

    async def reset(self, actor: Actor, user: str) -> Profile:
        """Take any user's name and picture away, as `Profiles.reset` (forbidden, not_found). It is noted in the server's trail."""
        need_server_key(actor)
        await self._note(actor, "reset_user", {"id": user})
        return await self._profiles.reset(user)

    def disconnect(self, actor: Actor, user: str) -> None:
        """Close all connections of any user, on every node. Whoever has a token that holds may come back with it."""
        need_server_key(actor)
        self._sessions.disconnect(user)
        self._bus.signal(Signal(EVERYWHERE, DISCONNECTED, user, b""))

    def receive(self, signal: Signal) -> None:
        """Take another node's word that a user must be disconnected."""
        self._sessions.disconnect(signal.key)


def _gone(field: str) -> Refused:
    return Refused("gone", f"{field}: this user was deleted.")
