"""Users, as far as they outlast their connections: when they were seen, and their deletion.

A token says who somebody is, without a look-up (`identity.py`). So every node keeps the list of those who were deleted in
the last DELETED_S, after which no token of theirs is valid any more; it reads on in it every second (`polling.py`), and hears of
a deletion at once where the bus brings it. That users were seen is written every few hours for each, many at a time (`noted.py`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from madang.core.actors import Actor
from madang.core.audit import deleted
from madang.core.erasure import KEEP, Erasure, Said
from madang.core.events import MemberLeft, draft
from madang.core.metrics import Metric
from madang.core.user_ids import is_servers
from madang.errors import Refused
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.directory import Directory
from madang.ports.erasures import Erasures
from madang.ports.sessions import OpenSessions
from madang.ports.upkeep import StoredUser, Upkeep
from madang.services.appender import Appender
from madang.services.failures import Failures
from madang.services.noted import SEEN_S, WRITTEN, Noted
from madang.services.tokens import TOKEN_S

logger = logging.getLogger("madang.users")

ENDED: Final = "user"
"""The topic of the signals; their key is the user."""
WRITE_S: Final = 5.0
"""From one time that users seen are written to the next."""
DELETED_S: Final = TOKEN_S + 24 * 3600
ROOMS: Final = 100  # memberships read at a time


class Users:
    """Know which users were deleted, and note which were seen.

    Args:
        clock_ms: Unix milliseconds.
        time: loop time in seconds.
    """

    def __init__(
        self, upkeep: Upkeep, erasures: Erasures, directory: Directory, appender: Appender, bus: Bus, sessions: OpenSessions,
        clock_ms: Callable[[], int], time: Callable[[], float],
    ) -> None:  # fmt: skip
        self._upkeep = upkeep
        self._erasures = erasures
        self._directory = directory
        self._appender = appender
        self._bus = bus
        self._sessions = sessions
        self._clock_ms = clock_ms
        self._time = time
        self._deleted: dict[str, int] = {}
        self._read_ms = 0  # deletions up to then are known
        self._noted = Noted(time)
        self._failures = Failures(logger, "is deleted, and not everything that was theirs has ended")

    def __contains__(self, user: object) -> bool:
        """Return whether a user was deleted."""
        return user in self._deleted

    def metrics(self) -> list[Metric]:
        """Return what is kept here."""
        return [
            Metric(
                "gauge",
                "madang_users_deleted",
                f"Users deleted in the last {DELETED_S // 86_400} days.",
                len(self._deleted),
            ),
            Metric("gauge", "madang_users_unnoted", "Users seen, and not noted in the database yet.", len(self._noted)),
        ]

    def seen(self, user: str) -> None:
        """Note that a user was here; it is written some time soon."""
        self._noted.seen(user)

    async def start(self) -> None:
        """Read which users were deleted: nobody is let in before that."""
        await self.read_deleted()

    async def run(self) -> None:
        """Write which users were seen, until cancelled."""
        look_at = self._time() + SEEN_S / 2
        noting = Failures(logger, "are not noted")
        while True:
            await asyncio.sleep(WRITE_S)
            with noting.survived("users"):
                await self.write_seen()
            noting.round_over()
            if self._time() >= look_at:  # who stays connected for days is seen, too
                look_at = self._time() + SEEN_S / 2
                for n, user in enumerate(list(self._sessions.users())):
                    self.seen(user)
                    if n % WRITTEN == 0:
                        await asyncio.sleep(0)

    async def write_seen(self) -> None:
        """Write which users were seen and are not noted yet."""
        while some := self._noted.some():
            await self._upkeep.note_seen(some, self._clock_ms())
            self._noted.written(some)

    async def read_deleted(self) -> None:
        """Read which users were deleted since the last time, and end what is theirs."""
        asked_ms = self._clock_ms()
        self.take(await self._upkeep.users_deleted(self.known_ms(asked_ms)), asked_ms)

    def known_ms(self, now_ms: int) -> int:
        """Return the time from which deletions are to be read now."""
        return max(self._read_ms - 60_000, now_ms - int(DELETED_S * 1000))  # clocks of nodes may differ

    def take(self, deleted: Iterable[StoredUser], asked_ms: int) -> None:
        """End what is theirs who were deleted, as was read by `known_ms` when asked at this time."""
        for user in deleted:
            self._end(user.id, user.deleted_ms or asked_ms)
        self._failures.round_over()
        self._read_ms = asked_ms
        oldest = asked_ms - int(DELETED_S * 1000)
        for forgotten in [user for user, at_ms in self._deleted.items() if at_ms < oldest]:
            del self._deleted[forgotten]

    def receive(self, signal: Signal) -> None:
        """Take another node's word that a user was deleted."""
        self._end(signal.key, self._clock_ms())

    def _end(self, user: str, at_ms: int) -> None:
        if user not in self._deleted:
            self._deleted[user] = at_ms
            with self._failures.survived(user):
                self._sessions.end(user)

    async def delete(self, user: str, by: Actor, said: Said = KEEP, *, known: bool = False) -> None:
        """Delete a user: their token means nothing, their connections close, their memberships end.

        Args:
            said: what becomes of what they said, which takes a while in the background (`erasures.py`). One who was deleted
                before, and is even forgotten, may be deleted again for it.
            known: there is such a user, though nothing may be stored of them: a guest who was nowhere yet has a token all the same.

        Raises:
            Refused: not_found, or forbidden for the server itself and its keys, whose memberships keep rooms from expiring.
        """
        if is_servers(user):
            raise Refused("forbidden", "This is the server itself or a server key (`madang key drop`), and no user.")
        deed = deleted(user, said, by=by.id, by_name=by.name)
        done = await self._upkeep.delete_user(user, self._clock_ms(), said, deed, known=known)
        if not done and said != KEEP and await self._has_events(user):
            done = await self._upkeep.delete_user(user, self._clock_ms(), said, deed, known=True)
        if not done:
            raise Refused("not_found", "There is no such user.")
        self._end(user, self._clock_ms())
        self._bus.signal(Signal(EVERYWHERE, ENDED, user, b""))
        await self.leave_all(user)

    async def delete_own(self, actor: Actor, said: Said) -> None:
        """Delete the actor, as `delete` (forbidden for server keys)."""
        await self.delete(actor.id, actor, said, known=True)

    async def erasure(self, user: str) -> Erasure:
        """Return how far the erasure of a deleted user is (not_found)."""
        if (found := await self._erasures.erasure(user)) is None:
            raise Refused("not_found", "Of no such user is anything erased.")
        return found

    async def erasures(self, after: str, limit: int) -> tuple[list[Erasure], bool]:
        """Return a page of erasures, standing and done, in order of the users, and whether there are more."""
        found = list(await self._erasures.erasures(after=after, limit=limit + 1))
        return found[:limit], len(found) > limit

    async def _has_events(self, user: str) -> bool:
        after = ""
        while True:
            rooms, after = await self._erasures.rooms_with(user, after)
            if rooms or not after:
                return bool(rooms)

    async def leave_all(self, user: str) -> int:
        """End all memberships of a user, as the server, and return how many there were."""
        after, left = "", 0
        while page := await self._directory.memberships(user, after=after, limit=ROOMS):
            for one in page:
                member = await self._directory.member(one.room, user)
                if member is None:
                    continue
                try:
                    left += (
                        await self._appender.append(draft(MemberLeft(), one.room, user, member.name, server=True))
                        is not None
                    )
                except Refused:  # the membership, or the room, has ended meanwhile
                    pass
            after = page[-1].room
        return left
