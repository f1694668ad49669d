"""Users, as far as they outlast their connections: when they were seen, and their deletion.

A token says who somebody is, without a look-up (`identity.py`). So every node keeps the list of those who were deleted in
the last DELETED_S, after which no token of theirs is valid any more; it reads it every POLL_S, and hears of a deletion
at once where the bus brings it. That users were seen is written every few hours for each, many at a time (`noted.py`).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from madang.core.events import MemberLeft, draft
from madang.core.metrics import Metric
from madang.core.user_ids import is_servers
from madang.errors import Refused
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.directory import Directory
from madang.ports.upkeep import Upkeep
from madang.services.appender import Appender
from madang.services.failures import Failures
from madang.services.noted import SEEN_S, WRITTEN, Noted
from madang.services.tokens import TOKEN_S

logger = logging.getLogger("madang.users")

ENDED: Final = "user"
"""The topic of the signals; their key is the user."""
POLL_S: Final = 1.0
WRITE_S: Final = 5.0
"""From one time that users seen are written to the next."""
DELETED_S: Final = TOKEN_S + 24 * 3600
ROOMS: Final = 100  # memberships read at a time


class Users:
    """Knows who was deleted, and notes who was seen.

    Args:
        clock_ms: Unix milliseconds.
        time: loop time in seconds.

    Attributes:
        on_end: called with each user who was deleted; closes their connections.
        present: returns who is connected.
    """

    def __init__(
        self, upkeep: Upkeep, directory: Directory, appender: Appender, bus: Bus, clock_ms: Callable[[], int],
        time: Callable[[], float],
    ) -> None:  # fmt: skip
        self._upkeep = upkeep
        self._directory = directory
        self._appender = appender
        self._bus = bus
        self._clock_ms = clock_ms
        self._time = time
        self._deleted: dict[str, int] = {}
        self._read_ms = 0  # deletions up to then are known
        self._noted = Noted(time)
        self._failures = Failures(logger, "is deleted, and not everything that was theirs has ended")
        self.on_end: Callable[[str], None] = lambda user: None
        self.present: Callable[[], Iterable[str]] = tuple

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
        """Read who was deleted: nobody is let in before that."""
        await self._read_deleted()

    async def run(self) -> None:
        """Write who was seen, and read who was deleted, until cancelled."""
        look_at, write_at = self._time() + SEEN_S / 2, self._time()
        noting = Failures(logger, "are not noted")
        while True:
            await asyncio.sleep(POLL_S)
            with noting.survived("users"):
                await self._read_deleted()
                if self._time() >= write_at:
                    write_at = self._time() + WRITE_S
                    await self._write_seen()
            noting.round_over()
            self._failures.round_over()
            if self._time() >= look_at:  # who stays connected for days is seen, too
                look_at = self._time() + SEEN_S / 2
                for n, user in enumerate(list(self.present())):
                    self.seen(user)
                    if n % WRITTEN == 0:
                        await asyncio.sleep(0)

    async def _write_seen(self) -> None:
        while some := self._noted.some():
            await self._upkeep.note_seen(some, self._clock_ms())
            self._noted.written(some)

    async def _read_deleted(self) -> None:
        now = self._clock_ms()
        since = max(self._read_ms - 60_000, now - int(DELETED_S * 1000))  # clocks of nodes may differ
        for user in await self._upkeep.users_deleted(since):
            self._end(user.id, user.deleted_ms or now)
        self._read_ms = now
        oldest = now - int(DELETED_S * 1000)
        for forgotten in [user for user, at_ms in self._deleted.items() if at_ms < oldest]:
            del self._deleted[forgotten]

    def receive(self, signal: Signal) -> None:
        """Take another node's word that a user was deleted."""
        self._end(signal.key, self._clock_ms())

    def _end(self, user: str, at_ms: int) -> None:
        if user not in self._deleted:
            self._deleted[user] = at_ms
            with self._failures.survived(user):
                self.on_end(user)

    async def delete(self, user: str) -> None:
        """Delete a user: their token means nothing, their connections close, their memberships end.

        What they said stays, under the name they had.

        Raises:
            Refused: not_found, or forbidden for the server itself and its keys, whose memberships keep rooms from expiring.
        """
        if is_servers(user):
            raise Refused("forbidden", "This is the server itself or a server key (`madang key drop`), and no user.")
        if not await self._upkeep.delete_user(user, self._clock_ms()):
            raise Refused("not_found", "There is no such user.")
        self._end(user, self._clock_ms())
        self._bus.signal(Signal(EVERYWHERE, ENDED, user, b""))
        await self.leave_all(user)

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
