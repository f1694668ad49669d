"""Publishing: many messages of a server key in one request, into any rooms, in its own name or in those of its users.

Each message is judged and answered for itself, as if it had come alone. Order: in each room they are stored in the order
of the list. Where one has to wait (a rate, a full line, the storage), those behind it in its room are refused as it was,
untried; so whoever sends again what was refused so, in the same order, keeps the order. Of two that were in line already when
the storage failed the second may be stored and the first not.

Fairness: they go into the appender's line for what servers send in bulk, which yields to people; SLICE are judged between
two turns of the loop; and PUBLISHING requests are under way at a time, those that wait taking turns over keys.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from madang.aio import FairTurns
from madang.codes import ERRORS
from madang.core.actors import Actor, need_server_key
from madang.core.events import Appended
from madang.core.messages import Content
from madang.core.metrics import Metric
from madang.errors import Limited, MadangError, Refused, without_frames
from madang.ports.log import Outcome
from madang.services.appender import Appender
from madang.services.people import People
from madang.services.posting import Posting

SLICE: Final = 32
PUBLISHING: Final = 4
WAITING: Final = 1_000
"""Requests that may wait; above that they are refused (overloaded)."""
OVERLOADED_MS: Final = 500


Sender = tuple[str, str | None]


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """One message to publish.

    Attributes:
        sender: id of the user for whom the key speaks, and their name, None if they are known; None where it speaks for itself.
        cid: without one, the message is another each time that it is sent.
    """

    room: str
    content: Content
    cid: str | None = None
    sender: Sender | None = None


Published = Appended | MadangError
"""Where a message is in its log, or why it is in none."""


class Publishing:
    """Publishes for server keys."""

    def __init__(self, people: People, posting: Posting, appender: Appender) -> None:
        self._people = people
        self._posting = posting
        self._appender = appender
        self._turns = FairTurns(PUBLISHING, WAITING)

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        help = "Requests to publish that wait for their turn."
        return [Metric("gauge", "madang_publishes_waiting", help, self._turns.waiting)]

    async def publish(self, actor: Actor, wanted: Sequence[Publication]) -> list[Published]:
        """Append messages and return what became of each, in their order.

        Raises:
            Refused: forbidden for all but server keys; overloaded.
        """
        need_server_key(actor)
        try:
            return await self._turns.do(actor.id, lambda: self._publish(actor, wanted))
        except OverflowError:
            raise Limited("overloaded", OVERLOADED_MS) from None

    async def _publish(self, actor: Actor, wanted: Sequence[Publication]) -> list[Published]:
        batch = _Batch(wanted)
        names = await self._people.names({m.sender[0] for m in wanted if m.sender is not None and m.sender[1] is None})
        senders: dict[Sender, Actor | Refused] = {}
        standing = self._posting.serving()
        for n, each in enumerate(wanted):
            if n % SLICE == 0:
                await asyncio.sleep(0)
            if (held := batch.held.get(each.room)) is not None:
                batch.settle(n, held)
                continue
            cid = each.cid or secrets.token_hex(16)
            try:
                sender = self._sender(actor, each.sender, names, senders)
                draft = self._posting.send(
                    sender, standing, each.room, cid, each.content, perhaps_again=each.cid is not None
                )
                if draft.early is None:
                    self._appender.submit(draft, batch.settle, n)
                else:  # what is behind it in its room depends on whether it is in the log already
                    batch.settle(n, await self._appender.append(draft))
            except MadangError as error:
                batch.settle(n, error)
        return await batch.settled

    def _sender(
        self, actor: Actor, wanted: Sender | None, names: Mapping[str, str], known: dict[Sender, Actor | Refused]
    ) -> Actor:
        """Return who speaks, as `People.speaker`. Names are looked at once in a request: that costs more than all else."""
        if wanted is None:
            return actor
        if (sender := known.get(wanted)) is None:
            try:
                sender = self._people.speaker(actor, *wanted, names)
            except Refused as refused:
                sender = without_frames(refused)
            known[wanted] = sender
        if isinstance(sender, Refused):
            raise sender
        return sender


class _Batch:
    """What has become of the messages of a request.

    Attributes:
        held: by room, what one of its messages has to wait for.
        settled: done when all are.
    """

    def __init__(self, wanted: Sequence[Publication]) -> None:
        self._wanted = wanted
        self._found: dict[int, Published] = {}
        self.held: dict[str, MadangError] = {}
        self.settled: asyncio.Future[list[Published]] = asyncio.get_running_loop().create_future()

    def settle(self, n: Any, outcome: Outcome | MadangError) -> None:
        """Note what became of one message."""
        assert outcome is not None  # a message always changes something
        if isinstance(outcome, MadangError):
            outcome = without_frames(outcome)
            if ERRORS[outcome.code].temporary:
                self.held.setdefault(self._wanted[n].room, outcome)
        self._found[n] = outcome
        if len(self._found) == len(self._wanted) and not self.settled.done():
            self.settled.set_result([self._found[each] for each in range(len(self._wanted))])
