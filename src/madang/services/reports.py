"""Reports: members tell moderators of a message, who see what waits, and resolve it.

Moderators who follow the room are told at once how many messages wait; others see that when they look.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec

from madang.core.actors import Actor
from madang.core.permissions import Action, need
from madang.core.rate import Bucket
from madang.core.reports import Report, Reported
from madang.core.sanctions import MAX_REASON
from madang.core.text import clean_text
from madang.core.timestamps import moment
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.ports.live import LiveRooms
from madang.services.failures import Failures
from madang.services.pages import Rows, array
from madang.services.rooms import Rooms

logger = logging.getLogger("madang.reports")

SOON_S: Final = 0.5
"""From a send to its report, which is in the same transaction; a late one is told with the next."""
EXPECTED: Final = 1_000
"""Rooms in which a report is expected; more are not told."""


class ShownReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one user said of a message, as moderators see it."""

    user: str
    name: str
    at: str
    reason: str = ""


class ShownReported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message with open reports, as moderators see it."""

    seq: int
    user: str
    name: str
    deleted: bool = False
    count: int
    reports: list[ShownReport]


def _shown(found: Reported) -> ShownReported:
    return ShownReported(
        seq=found.seq, user=found.user, name=found.name, deleted=found.deleted, count=found.count,
        reports=[ShownReport(each.user, each.name, moment(each.at_ms), each.reason) for each in found.reports],
    )  # fmt: skip


class Reports:
    """Use cases around reports. A report, and resolving, count as an append.

    Args:
        clock_ms: Unix milliseconds.
    """

    def __init__(self, directory: Directory, rooms: Rooms, live: LiveRooms, clock_ms: Callable[[], int]) -> None:
        self._directory = directory
        self._rooms = rooms
        self._live = live
        self._clock_ms = clock_ms
        self._expected: dict[str, None] = {}
        self._woken = asyncio.Event()

    def expect(self, room: str) -> None:
        """Tell moderators soon what waits in a room: a message is on its way there that a word list flags."""
        if len(self._expected) < EXPECTED:
            self._expected[room] = None
            self._woken.set()

    async def run(self) -> None:
        """Tell what is expected, once it is there, until cancelled."""
        failures = Failures(logger, "are not told what waits")
        while True:
            await self._woken.wait()
            self._woken.clear()
            await asyncio.sleep(SOON_S)
            while self._expected:
                room = next(iter(self._expected))
                del self._expected[room]
                with failures.survived(f"moderators of {room}"):
                    self._live.tell_reports(room, await self._directory.reported(room))
            failures.round_over()

    async def report(self, actor: Actor, room: str, seq: int, reason: str = "") -> bool:
        """Tell the moderators of a message; return False for one that the actor has reported before.

        Raises:
            Refused: too_big, bad_text, empty (reason), not_found, gone, too_many, rate_limited, quota.
        """
        said = clean_text(reason, MAX_REASON, "reason") if reason else ""
        with self._rooms.attempt(actor) as attempt:
            need((await self._rooms.charged(actor, room, attempt)).role, Action.REPORT)
            attempt.row()
            report = Report(user=actor.id, name=actor.name, reason=said, at_ms=self._clock_ms())
            waiting = await self._directory.add_report(room, seq, report, server=actor.server)
            if waiting is None:
                attempt.give_back_quotas()
                return False
        self._live.tell_reports(room, waiting)
        return True

    async def page(self, actor: Actor, room: str, after: int, limit: int, *, bucket: Bucket | None = None) -> Rows:
        """Return a page of the messages with open reports (`ShownReported`), ascending by seq, and whether there are more.

        Args:
            bucket: what pays for the page, as in `Reading`.

        Raises:
            Refused: not_found, forbidden, rate_limited.
        """

        async def read() -> Rows:
            found = await self._directory.reports(room, after=after, limit=limit + 1)
            return array([_shown(reported) for reported in found], limit)

        return await self._rooms.page(actor, room, Action.REVIEW, limit, bucket, read)

    async def resolve(self, actor: Actor, room: str, seq: int) -> int:
        """Resolve the open reports of a message. Return how many messages still have some.

        Raises:
            Refused: not_found, also where there are none; forbidden, rate_limited.
        """
        with self._rooms.attempt(actor) as attempt:
            need((await self._rooms.charged(actor, room, attempt)).role, Action.REVIEW)
            waiting = await self._directory.resolve_reports(room, seq, self._clock_ms(), actor.id, actor.name)
            if waiting is None:
                raise Refused("not_found", "There is no open report of this message.")
        self._live.tell_reports(room, waiting)
        return waiting
