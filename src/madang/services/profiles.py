"""Profiles: users say how they are called and shown, and their rooms hear it.

A change is kept with the user, and told to each room that they are a member of as an event of its log (`member.changed`), which
also changes the name and picture in its list of members. So whoever was away learns of it as of everything else. Rooms that have it
already are told nothing: a change that was cut off half-way is finished by doing it again.

A token has the name of when it was signed, and lasts for weeks. So every node knows who was renamed since: it reads that every
second (`polling.py`), and hears of it at once where the bus brings it. Connections and tokens follow (`name`).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from madang.core import user_ids
from madang.core.actors import Actor
from madang.core.events import MemberChanged, draft
from madang.core.metrics import Metric
from madang.core.names import NAMELESS, clean_name
from madang.core.profiles import NO_PROFILE, Profile, clean_locale, clean_picture
from madang.errors import Refused
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.changes import PAGE
from madang.ports.profiles import Named, ProfileStore
from madang.ports.sessions import OpenSessions
from madang.services.appender import Appender
from madang.services.charges import Attempt
from madang.services.tokens import TOKEN_S

logger = logging.getLogger("madang.profiles")

NAMED: Final = "name"
"""The topic of the signals; their key is the user."""
LATE_MS: Final = 10_000  # a rename that was committed late may be so much older than those read before
KEPT_MS: Final = (TOKEN_S + 24 * 3600) * 1000
MOST: Final = 50_000
"""Names of users who were renamed, at about 0.3 KB each. Above that those renamed first are forgotten: a token of theirs has the name
of before until it is replaced."""
TOLD: Final = 100  # rooms told at a time

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(str).decode


class Profiles:
    """Use cases around profiles.

    Args:
        attempt: charges an actor for a change (`Rooms.attempt`).
        sessions: whose connections speak by the new name.
        clock_ms: Unix milliseconds.
    """

    def __init__(
        self, store: ProfileStore, appender: Appender, bus: Bus, attempt: Callable[[Actor], Attempt],
        sessions: OpenSessions, clock_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._store = store
        self._appender = appender
        self._bus = bus
        self._attempt = attempt
        self._clock_ms = clock_ms
        self._names: dict[str, tuple[str, int]] = {}  # and when; the last to be renamed is last
        self._read_to = (0, "")
        self._sessions = sessions

    def metrics(self) -> list[Metric]:
        """Return what is kept here."""
        help = f"Users renamed in the last {KEPT_MS // 86_400_000} days, as far as they are remembered."
        return [Metric("gauge", "madang_users_renamed", help, len(self._names))]

    def name(self, user: str) -> str | None:
        """Return the name of a user who was renamed lately, whatever their token says."""
        known = self._names.get(user)
        return known and known[0]

    async def of(self, actor: Actor) -> Profile:
        """Return an actor's own profile, with the name that they speak by: of an outside user that of the token they came with."""
        kept, name = await self._store.profile(actor.id), actor.name
        if not user_ids.is_outside(actor.id):
            name = self.name(actor.id) or name
        return msgspec.structs.replace(kept, name=name)

    async def change(
        self, actor: Actor, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> Profile:
        """Replace what is given of the actor's profile, tell their rooms, and return the whole.

        Raises:
            Refused: forbidden for server keys, and for names of outside users, which are their issuer's; bad_name, bad_field, rate_limited, quota.
        """
        if actor.server:
            raise Refused("forbidden", "Server keys have no profile.")
        if name is not None and user_ids.is_outside(actor.id):
            raise Refused("forbidden", "Your name comes from whoever signs you in.")
        if name is None and picture is None and locale is None:
            return await self.of(actor)
        with self._attempt(actor) as attempt:
            name = None if name is None else clean_name(name)
            picture = None if picture is None else clean_picture(picture)
            locale = None if locale is None else clean_locale(locale)
            attempt.quota("profiles")
            profile = await self._store.set_profile(actor.id, name=name, picture=picture, locale=locale)
        if name is not None:
            self._spread(actor.id, name)
        if name is not None or picture is not None:
            await self._tell(actor.id, profile, actor.name)
        return await self.of(actor)

    async def reset(self, user: str) -> Profile:
        """Take a user's name and picture away, because nobody shall be shown them; they are called NAMELESS until they choose another.

        Of an outside user only the picture goes: their issuer names them with every token. Return the profile that is left.

        Raises:
            Refused: not_found, for a user of whom nothing is kept and who is a member nowhere.
        """
        kept = await self._store.profile(user)
        if kept == NO_PROFILE and not await self._store.joined(user, limit=1):
            raise Refused("not_found", "There is no such user.")
        name = None if user_ids.is_outside(user) else NAMELESS
        profile = await self._store.set_profile(user, name=name, picture="")
        if name is not None:
            self._spread(user, name)
        if profile.name:
            await self._tell(user, profile, profile.name)
        return profile

    async def vouched(self, user: str) -> None:
        """Tell the rooms of an outside user what their issuer says of them now (`services.vouching`)."""
        profile = await self._store.profile(user)
        name = profile.name or NAMELESS
        self._spread(user, name)
        await self._tell(user, profile, name)

    async def renamed(self, user: str, name: str) -> None:
        """Tell everybody that a product calls a user of its own otherwise now, which is kept already."""
        self._spread(user, name)
        await self._tell(user, await self._store.profile(user), name)

    async def _tell(self, user: str, profile: Profile, name: str) -> None:
        """Tell the rooms of a user what they are called and shown as, and again if that has changed meanwhile.

        Args:
            name: theirs where the profile has none.
        """
        while True:
            after, more = "", True
            while more:
                rooms = await self._store.joined(user, after=after, limit=TOLD)
                await self._tell_rooms(rooms, user, profile.name or name, profile.picture)
                if more := len(rooms) == TOLD:
                    after = rooms[-1]
            newest = await self._store.profile(user)
            if (newest.name, newest.picture) == (profile.name, profile.picture):
                return
            profile = newest

    async def _tell_rooms(self, rooms: Sequence[str], user: str, name: str, picture: str) -> None:
        body = MemberChanged(picture=picture or None)
        told = [self._appender.append(draft(body, room, user, name)) for room in rooms]
        for outcome in await asyncio.gather(*told, return_exceptions=True):
            gone = isinstance(outcome, Refused) and outcome.code in ("not_member", "not_found")  # meanwhile
            if isinstance(outcome, BaseException) and not gone:
                raise outcome

    # -- names that tokens do not have yet ---------------------------------------------------------------------------

    def _spread(self, user: str, name: str) -> None:
        self._renamed(user, name, self._clock_ms())
        self._bus.signal(Signal(EVERYWHERE, NAMED, user, _encode(name)))

    def _renamed(self, user: str, name: str, at_ms: int) -> None:
        before = self._names.pop(user, None)
        self._names[user] = name, at_ms
        if len(self._names) > MOST:
            del self._names[next(iter(self._names))]
        if before is None or before[0] != name:
            self._sessions.rename(user, name)

    def receive(self, signal: Signal) -> None:
        """Take another node's word that a user has another name."""
        self._renamed(signal.key, _decode(signal.value), self._clock_ms())

    async def start(self) -> None:
        """Read which users were renamed since the oldest token that may be shown was signed."""
        asked_ms = self._clock_ms()
        self._read_to = (asked_ms - KEPT_MS, "")
        await self.take(await self._store.named_after(self.known, PAGE), asked_ms)

    @property
    def known(self) -> tuple[int, str]:
        """When, and who: above this is to be read who was renamed."""
        return self._read_to

    async def take(self, page: Sequence[Named], asked_ms: int) -> None:
        """Call users what they are called now, as was read above `known`, and read on where that was a whole page.

        Args:
            asked_ms: when that read began. Of whoever was renamed meanwhile it may have the name of before.
        """
        after = self._read_to
        while page:
            for named in page:
                name, at_ms = self._names.get(named.user, (None, 0))
                if name != named.name and at_ms < asked_ms:
                    self._renamed(named.user, named.name, named.at_ms)
            after = (page[-1].at_ms, page[-1].user)
            page = await self._store.named_after(after, PAGE) if len(page) == PAGE else ()
        self._read_to = (max(self._read_to[0], after[0] - LATE_MS), "")
        oldest = self._clock_ms() - KEPT_MS
        while self._names and self._names[first := next(iter(self._names))][1] < oldest:
            del self._names[first]
