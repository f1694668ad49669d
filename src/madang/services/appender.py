"""The appender: group commit of all rooms' drafts, acks, and the hand-over of what was committed.

The store is batched, never the ack: a draft is acked when its transaction has been committed, and not before. While one
batch is being committed the next one collects, so the size of a batch follows the load. Only when drafts come quickly
does an idle lane wait LINGER_S for more, because each hand-over between the event loop and the storage costs as much as
about 15 messages.

Order: a room is always in the same lane, and a sender always in the same of its two lines, where a room's drafts are first
in, first out; so each sender's keep their order.
Fairness: what people do is in one line, what server keys send in bulk in the other. When more drafts wait than fit into one
batch, bulk gets BULK of it and people the rest, or either what the other leaves; in each line every room gets an equal share.
A batch is of messages or of what is none, which costs the store up to twenty times as much: the two take turns.
Bound: WAITING drafts per line, and the first of each other room up to twice that; above, drafts are refused (overloaded),
not queued. So a full bulk line refuses no people, and a room that fills its line no other room.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Final
from zlib import crc32

from madang.core.events import Appended, Draft, Event, MemberChanged, MemberJoined, MessageSent, RoleGiven
from madang.core.metrics import Metric
from madang.errors import Limited, MadangError, Refused, StorageFull
from madang.ports.log import Log, Outcome
from madang.services.appender_statistics import AppenderStatistics

logger = logging.getLogger("madang.appender")

BATCH: Final = 256
BULK: Final = BATCH // 4
OTHERS: Final = 8
"""Drafts that are not messages in a batch: a reaction takes SQLite 1 ms, and 256 of them kept every message waiting for 0.3 s."""
OTHERS_BETWEEN: Final = 2
"""The same while messages are sent: so long each of them may wait. A commit for each costs a third more than for 8 together."""
QUICK: Final = 8
"""Changes of one membership that count as one of those, since they touch no messages: with 8 in a batch a thousand new members wait
for 125 commits."""
BETWEEN_S: Final = 0.1  # after a message, for which messages are being sent
WAITING: Final = 20_000
WAITING_BYTES: Final = 32 << 20  # of drafts' bodies in a line, likewise: 20,000 of the largest would be 700 MB
LINGER_S: Final = 0.002
BUSY: Final = 8  # drafts in the last batch from which the next one lingers
OVERLOADED_MS: Final = 500

_SENT: Final = MessageSent.type
_QUICK: Final = {MemberJoined.type, MemberChanged.type, RoleGiven.type}
Reply = Callable[[Any, Outcome | MadangError], None]
Unstored = Callable[[Draft, Outcome | MadangError], None]
_Waiting = tuple[Draft, Reply, Any]


class Appender:
    """Accepts drafts from every door; one task per lane, none per draft.

    Args:
        committed: called with the new events of each batch, in order, right after their senders were acked.
        check_soon: called when the log may hold events that `committed` was not called with, or failed on.
        unstored: called with each draft that became no event of its own, and what it is answered.
    """

    def __init__(
        self,
        log: Log,
        committed: Callable[[Sequence[Event]], None],
        check_soon: Callable[[], None] = lambda: None,
        unstored: Unstored = lambda draft, outcome: None,
    ) -> None:
        self._log = log
        self._unstored = unstored
        self._closed = False
        self.statistics = AppenderStatistics(batches=[0] * BATCH.bit_length())
        self._lanes = [_Lane(log, committed, check_soon, unstored, self.statistics) for _ in range(log.lanes)]

    @property
    def ack(self) -> str:
        """The level that an ack stands for."""
        return self._log.ack

    @property
    def waiting(self) -> int:
        """Drafts not answered yet."""
        return sum(lane.count + lane.committing for lane in self._lanes)

    def metrics(self) -> list[Metric]:
        """Return what the appender counts."""
        waiting = Metric("gauge", "madang_appends_waiting", "Drafts not answered yet.", self.waiting)
        return [waiting, *self.statistics.metrics()]

    def submit(self, draft: Draft, reply: Reply, tag: Any = None) -> None:
        """Put a draft in line. `reply(tag, outcome)` is called once, in the event loop, in the order of the lane.

        Raises:
            Refused: overloaded or draining; the draft was not accepted.
        """
        if self._closed:
            raise self._turned_away(draft, Refused("draining"))
        lanes = self._lanes
        lane = lanes[0] if len(lanes) == 1 else lanes[crc32(draft.room.encode()) % len(lanes)]
        line = lane.bulk if draft.server else lane.people
        queue = line.queue(draft.room)
        if line.size >= WAITING_BYTES or (line.count >= WAITING and (queue is not None or line.count >= 2 * WAITING)):
            self.statistics.overloaded += 1
            raise self._turned_away(draft, Limited("overloaded", OVERLOADED_MS))
        if queue is not None:
            queue.append((draft, reply, tag))
        elif draft.type == _SENT:
            line.messages[draft.room] = [(draft, reply, tag)]
        else:
            line.others[draft.room] = [(draft, reply, tag)]
        line.count += 1
        if draft.type != _SENT:
            line.slow += 1
        line.size += len(draft.body)
        if not lane.since:
            lane.since = perf_counter()
        lane.wake.set()
        lane.idle.clear()

    def _turned_away(self, draft: Draft, refusal: Refused) -> Refused:
        self._unstored(draft, refusal)
        return refusal

    async def append(self, draft: Draft) -> Appended | None:
        """Append one draft and return its place in the log, or None when it changes nothing. Cancelling does not undo it.

        Raises:
            MadangError: it was refused, or could not be stored.
        """
        answer: asyncio.Future[Outcome | MadangError] = asyncio.get_running_loop().create_future()
        self.submit(draft, _resolve, answer)
        outcome = await answer
        if isinstance(outcome, MadangError):
            raise outcome
        return outcome

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(lane.run())

    async def drain(self) -> None:
        """Accept no more drafts, and wait until those accepted have been answered."""
        self._closed = True
        for lane in self._lanes:
            await lane.idle.wait()


def _resolve(answer: asyncio.Future[Outcome | MadangError], outcome: Outcome | MadangError) -> None:
    if not answer.done():
        answer.set_result(outcome)


class _Line:
    """Drafts that wait, by room: in `messages` where the next one is a message, in `others` where it is not.

    In each, the room that is served next is first.
    """

    __slots__ = ("count", "messages", "others", "size", "slow")

    def __init__(self) -> None:
        self.messages: dict[str, list[_Waiting]] = {}
        self.others: dict[str, list[_Waiting]] = {}
        self.count = 0
        self.size = 0  # bytes of their bodies
        self.slow = 0  # those that are not messages

    def queue(self, room: str) -> list[_Waiting] | None:
        """Return what waits of a room."""
        queue = self.messages.get(room)
        return self.others.get(room) if queue is None and self.others else queue

    def take_messages(self, most: int) -> list[_Waiting]:
        """Return up to `most` messages, an equal share of every room in turn. What a room has left goes to the end of the line."""
        rooms = self.messages
        if self.count <= most and not self.slow:
            everything = [item for queue in rooms.values() for item in queue]
            rooms.clear()
            self.count = self.size = 0
            return everything
        batch: list[_Waiting] = []
        share = max(1, most // len(rooms)) if self.count > most else most
        for _ in range(len(rooms)):
            if len(batch) == most:
                break
            room = next(iter(rooms))
            queue = rooms.pop(room)
            n = min(share, most - len(batch), _messages(queue) if self.slow else len(queue))
            self._take(room, queue, n, batch)
        return batch

    def take_others(self, left: int) -> tuple[list[_Waiting], int]:
        """Return some of the rest, one of every room in turn, and how much room they leave in a batch; one of them takes QUICK of it."""
        rooms = self.others
        batch: list[_Waiting] = []
        while rooms and left > 0:
            room = next(iter(rooms))
            queue = rooms.pop(room)
            left -= 1 if queue[0][0].type in _QUICK else QUICK
            self._take(room, queue, 1, batch)
        self.slow -= len(batch)
        return batch, left

    def _take(self, room: str, queue: list[_Waiting], n: int, batch: list[_Waiting]) -> None:
        taken = queue[:n]
        del queue[:n]
        batch += taken
        self.count -= n
        self.size -= sum(len(draft.body) for draft, _, _ in taken)
        if queue:
            (self.messages if queue[0][0].type == _SENT else self.others)[room] = queue


def _messages(queue: list[_Waiting]) -> int:
    """Return how many messages are first in a room's queue."""
    return next((n for n, (draft, _, _) in enumerate(queue) if draft.type != _SENT), len(queue))


class _Lane:
    def __init__(
        self,
        log: Log,
        committed: Callable[[Sequence[Event]], None],
        check_soon: Callable[[], None],
        unstored: Unstored,
        statistics: AppenderStatistics,
    ) -> None:
        self._log = log
        self._committed = committed
        self._check_soon = check_soon
        self._unstored = unstored
        self._statistics = statistics
        self.people, self.bulk = _Line(), _Line()
        self.committing = 0
        self.since = (
            0.0  # when the first of those that wait came, by perf_counter; of those that a batch left, when it began
        )
        self._messages_last = False  # the last batch was of messages
        self._messages_at = -BETWEEN_S
        self.wake = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def count(self) -> int:
        """Drafts that wait."""
        return self.people.count + self.bulk.count

    @property
    def others(self) -> bool:
        """Whether anything but a message waits, and is next in its room."""
        return bool(self.people.others or self.bulk.others)

    async def run(self) -> None:
        last = 0
        while True:
            if not self.count:
                self.committing = 0
                self.idle.set()
                self.wake.clear()
                await self.wake.wait()
            if last >= BUSY > 0 and self.count < BATCH // 2 and not self.others:
                await asyncio.sleep(LINGER_S)
            started = perf_counter()
            batch = self._next_batch(started)
            since, self.since = self.since or started, started if self.count else 0.0
            last = self.committing = len(batch)
            outcomes: Sequence[Outcome | MadangError]
            try:
                outcomes = await self._log.append([draft for draft, _, _ in batch])
                if len(outcomes) != len(batch):
                    raise RuntimeError(f"{len(outcomes)} outcomes of {len(batch)} drafts")
            except StorageFull as error:
                outcomes = [error] * len(batch)
            except MadangError as error:
                outcomes = [error] * len(batch)
                self._check_soon()
            except Exception as error:
                logger.error("append failed", exc_info=error)
                outcomes = [MadangError("internal")] * len(batch)
                self._check_soon()
            self._statistics.commit_s += perf_counter() - started
            self._answer(batch, outcomes)
            self._statistics.took(perf_counter() - since)

    def _next_batch(self, now: float) -> list[_Waiting]:
        """Return up to BATCH messages, or fewer others: people's first, and some of the bulk even while people keep the lane full."""
        people, bulk = self.people, self.bulk
        if (people.messages or bulk.messages) and not (self.others and self._messages_last):
            self._messages_last, self._messages_at = True, now
            batch = people.take_messages(BATCH - min(BULK, bulk.count)) if people.messages else []
            return batch + bulk.take_messages(BATCH - len(batch)) if bulk.messages else batch
        self._messages_last = False
        most = OTHERS_BETWEEN if now - self._messages_at < BETWEEN_S else OTHERS
        kept = QUICK if bulk.others else 0
        batch, left = people.take_others(most * QUICK - kept)
        return batch + bulk.take_others(left + kept)[0]

    def _answer(self, batch: Sequence[_Waiting], outcomes: Sequence[Outcome | MadangError]) -> None:
        """Ack first, then fan out: senders know that their messages are safe before anybody answers them."""
        events: list[Event] = []
        for (draft, reply, tag), outcome in zip(batch, outcomes, strict=True):
            stored = type(outcome) is Appended and not outcome.duplicate
            if stored:
                events.append(outcome.event)  # type: ignore[union-attr]
            else:
                self._statistics.count(outcome)
            try:
                if not stored:
                    self._unstored(draft, outcome)
                reply(tag, outcome)
            except Exception as error:  # one sender's socket must not cost the others their acks
                logger.error("reply failed", exc_info=error)
        self._statistics.stored += len(events)
        self._statistics.batches[(len(batch) - 1).bit_length()] += 1
        if events:
            try:
                self._committed(events)
            except Exception as error:
                logger.error("fan-out failed", exc_info=error)
                self._check_soon()
