"""Reports: members tell moderators of a message, who see what waits, and resolve it.

Moderators who follow the room are told at once how many messages wait; others see that when they look.
"""

from collections.abc import Callable

from madang.core.actors import Actor
from madang.core.permissions import Action, need
from madang.core.rate import Bucket
from madang.core.reports import Report, Reported
from madang.core.sanctions import MAX_REASON
from madang.core.text import clean_text
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.ports.live import LiveRooms
from madang.services.charges import Charges
from madang.services.pages import fitting
from madang.services.rooms import Rooms


class Reports:
    """Use cases around reports. A report, and resolving, count as an append.

    Args:
        clock_ms: Unix milliseconds.
    """

    def __init__(
        self, directory: Directory, rooms: Rooms, charges: Charges, live: LiveRooms, clock_ms: Callable[[], int]
    ) -> None:
        self._directory = directory
        self._rooms = rooms
        self._charges = charges
        self._live = live
        self._clock_ms = clock_ms

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

    async def page(
        self, actor: Actor, room: str, after: int, limit: int, *, bucket: Bucket | None = None
    ) -> tuple[list[Reported], bool]:
        """Return a page of the messages with open reports, ascending by seq, and whether there are more.

        Args:
            bucket: what pays for the page, as in `Reading`.

        Raises:
            Refused: not_found, forbidden, rate_limited.
        """
        need((await self._rooms.member(actor, room)).role, Action.REVIEW)
        with self._charges.page(actor, limit, bucket):
            return fitting(await self._directory.reports(room, after=after, limit=limit + 1), limit)

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
