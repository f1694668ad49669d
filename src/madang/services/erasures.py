"""Erasures: what deleted users said, or only their names, goes from every room, a little at a time, by one node of the fleet.

The node with the lowest number does it, as it cleans up (`cleanup.py`); how far it is, is in the database (`ports.erasures`), so
another goes on when it dies, and if two believe that they have the call, nothing is done twice. In each room first the log is
erased, from its beginning, and then an event tells of it (`member.erased`): those who follow the room, and what nodes keep in memory, lose what
pages and resumes have lost already. An erasure begins a moment after it was asked for, when no node lets its user in any more.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from madang.core.erasure import ERASE, Erasure
from madang.core.events import MemberErased, draft
from madang.core.metrics import Metric
from madang.errors import Refused
from madang.ports.erasures import Erasures as ErasureStore
from madang.services.appender import Appender
from madang.services.failures import Failures
from madang.services.pacing import paced
from madang.services.rooms import SYSTEM
from madang.services.users import DELETED_S, Users

logger = logging.getLogger("madang.erasures")

FORGET_S: Final = 600.0
"""From one time that erasures of long ago are forgotten to the next, at most."""
SETTLE_S: Final = 3.0
"""From a deletion to its erasure: every node has heard of it by then, and nothing of the user's is on its way."""
CHUNK: Final = 50
"""Events changed in one transaction, which an append may have to wait for."""
EVENTS: Final = 5_000
"""Events of one user that are changed before it is the turn of others."""
STANDING: Final = 100
"""Users whose erasures go on in one round."""


class Erasures:
    """Does what erasures ask for, in rounds.

    Args:
        leads: returns whether this node is the one that does it.
        clock_ms: Unix milliseconds.
    """

    def __init__(
        self, store: ErasureStore, appender: Appender, users: Users, leads: Callable[[], Awaitable[bool]],
        clock_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._store = store
        self._appender = appender
        self._users = users
        self._leads = leads
        self._clock_ms = clock_ms
        self._failures = Failures(logger, "is not erased yet")
        self._standing = 0
        self._events = 0
        self._woken = asyncio.Event()
        self._after = ""  # whose turn it was last

    def metrics(self) -> list[Metric]:
        """Return what was done, and what is not; the latter as the node knows it that does it."""
        return [
            Metric("gauge", "madang_erasures", "Deleted users whose erasure is not done, on the node that does it.", self._standing),
            Metric("counter", "madang_events_erased", "Events of deleted users that were erased or lost their name.", self._events),
        ]  # fmt: skip

    def wake(self) -> None:
        """Do a round soon: an erasure is not done."""
        self._woken.set()

    async def run(self) -> None:
        """Do a round whenever woken, and every FORGET_S, if this node is the one, until cancelled."""
        rounds = Failures(logger, "are not erased")
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FORGET_S):
                    await self._woken.wait()
            self._woken.clear()
            with rounds.survived("users"):
                await self.round()
            rounds.round_over()

    async def round(self) -> None:
        """Go on with every erasure that is not done, if this node is the one. One that fails is tried again in the next round."""
        await self._store.forget_erasures(self._clock_ms() - int(DELETED_S * 1000))
        standing = await self._store.erasures(after=self._after, limit=STANDING, standing=True)
        self._after = standing[-1].user if len(standing) == STANDING else ""
        if not standing or not await self._leads():
            self._standing = 0
            return
        self._standing = len(standing)
        for one in standing:
            if self._clock_ms() - one.asked_ms >= SETTLE_S * 1000:
                with self._failures.survived(f"user {one.user}"):
                    await self._go_on(one)
        self._failures.round_over()

    async def _go_on(self, one: Erasure) -> None:
        """Do up to EVENTS of an erasure, from where it is."""
        left = EVENTS
        if one.room:
            left -= await self._erase(one, one.room, left)
        else:
            await self._users.leave_all(one.user)
            while await paced(self._store.erase_names(one.user, CHUNK)):
                pass
        after = one.room
        while left > 0:
            rooms, after = await self._store.rooms_with(one.user, after)
            for room in rooms:
                if left > 0:
                    left -= await self._erase(one, room, left)
            if not after and left > 0:
                await self._store.erased(one.user, one.asked_ms, self._clock_ms())
                logger.info("erasure: done with %s", one.user)
                return

    async def _erase(self, one: Erasure, room: str, most: int) -> int:
        """Erase up to `most` events of a room and, at the end, tell the room; return how many."""
        count = 0
        while erased := await paced(self._store.erase_events(one.user, room, CHUNK)):
            count += erased
            self._events += erased
            if count >= most:
                return count
        body = MemberErased(member=one.user, messages=one.said == ERASE)
        with suppress(Refused):  # the room was deleted
            await self._appender.append(draft(body, room, SYSTEM.id, SYSTEM.name, cid=_cid(one), server=True))
        await self._store.room_erased(one.user, room)
        return count


def _cid(one: Erasure) -> str:
    """Return a cid of the event that tells of an erasure, so that each room is told once."""
    return hashlib.blake2b(f"{one.user} {one.asked_ms}".encode(), digest_size=16).hexdigest()
