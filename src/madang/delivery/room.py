"""A room that lives on this node: its hot tail, its audience, and batches on their way out.

Rule 1: an event is accepted only as the next seq; order is settled here, once, for every socket.
Rule 2: a batch is sealed (joined, its audience fixed) before it is written, and written to all of that audience, in
        slices if the room is large. A live socket therefore always stands at `sealed`.
Rule 3: an event that ends somebody's access closes its batch, and its subject leaves the audience behind it.
Deciding *when* a batch is sealed is the scheduler's (`scheduler.py`); reading the log is the hub's.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from madang.core.events import (
    CHANGED,
    DELETED,
    EDITED,
    ENDS_ACCESS,
    JOINED,
    KICKED,
    ROLE,
    SENT,
    Body,
    Event,
    encode_body,
)
from madang.core.rooms import Room
from madang.delivery.subscriber import Encoding, Entry, Statistics, Subscriber, Subscription, encoded
from madang.protocol.native.frames import SkipFrame

FEW: Final = 16  # sockets up to which an event is joined with what else the turn of the loop gives them
TOUCHED: Final = 1000  # memberships remembered as ended or changed, for joins that were under way meanwhile
TAIL: Final = 200  # events kept per live room: what a fresh join may ask for, about 80 KB
LONG_TAIL: Final = 1000  # kept while people come back from further behind: 300 at once were 240 reads of the log
LONG_BYTES: Final = 1 << 20  # of text that a tail is lengthened by


class Audience:
    """The subscribers of one encoding that follow a room, and what waits for them."""

    __slots__ = ("encoding", "few", "pending", "stale", "subscriptions", "writers")

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.subscriptions: set[Subscription] = set()
        self.writers: tuple[Callable[[bytes], None], ...] = ()
        self.few = True
        self.stale = False
        self.pending: list[bytes] = []

    def fix(self, waiting: bool) -> None:
        """Fix who is written to, and how: few sockets joined with their acks, many at once.

        What was queued for few is flushed before the first direct write could overtake it. A batch for few that still
        waits would be queued later; so as long as any is `waiting`, few they remain.
        """
        for subscription in tuple(self.subscriptions):  # flushing may fill a socket, and then it leaves
            subscription.subscriber.flush()
        few = len(self.subscriptions) <= FEW
        self.few = few or (self.few and waiting)
        self.writers = tuple(s.subscriber.queue if self.few else s.subscriber.write_now for s in self.subscriptions)
        self.stale = self.few is not few


class LiveRoom:
    """One room on one node. Everything here runs in the event loop and never waits."""

    __slots__ = (
        "audiences", "batches", "epoch", "erased", "events_pending", "filling", "forgotten", "gone", "head", "held", "info", "lagging", "lazy",
        "live", "next", "next_flush", "queued", "sealed", "skip_from", "statistics", "tail", "touched", "warm",
    )  # fmt: skip

    def __init__(self, info: Room, epoch: str, seq: int, events: list[Event], statistics: Statistics) -> None:
        self.info = info
        self.epoch = epoch
        self.next = seq + 1  # the seq that may be accepted
        self.sealed = seq  # where every live socket stands
        self.tail: deque[Entry] = deque((encoded(e) for e in events), maxlen=TAIL)
        self.warm = False  # the tail was lengthened since the last sweep
        self.erased = 0  # seq of the newest event that erased others
        self.touched: dict[str, int] = {}  # user -> seq of the newest event that ended or changed a membership
        self.forgotten = 0  # up to this seq, `touched` may have let go of something
        self.held: dict[int, Event] = {}  # came early; at most hub.HELD
        self.head = seq  # the log is known to reach so far; below `next` most of the time
        self.filling = False  # a log read for a gap is under way
        self.audiences: dict[Encoding, Audience] = {}
        self.live = 0  # subscriptions in the audiences
        self.lagging: set[Subscription] = set()
        self.batches: deque[tuple[bytes, tuple[Callable[[bytes], None], ...], int]] = deque()  # bytes, to whom, cursor
        self.gone: set[Subscriber] = set()  # whose access ended, while batches with that news are on their way
        self.events_pending = 0
        self.next_flush = 0.0  # loop time before which a hot room only collects
        self.queued = False  # the scheduler has it
        self.lazy = False  # the scheduler has it, for later
        self.skip_from = 0  # first seq of a range not told yet, 0 for none
        self.statistics = statistics

    # -- the log's side ------------------------------------------------------------------------------------------------

    def accept(self, event: Event, quiet_above: int) -> None:
        """Take the next event: into the tail, and into the pending batch of every audience."""
        entry = encoded(event)
        self.next = event.seq + 1
        self.tail.append(entry)
        self.statistics.events += 1
        if event.type == JOINED and self.live > quiet_above:
            self.skip_from = self.skip_from or event.seq
        else:
            if self.skip_from:
                self._pend_skip(event.seq - 1)
            for audience in self.audiences.values():
                audience.pending.append(audience.encoding.event(entry))
            self.events_pending += 1
        if event.type != SENT:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        if event.type in ENDS_ACCESS:
            subject = event.content().member or event.user if event.type == KICKED else event.user
            self._touch(subject, event.seq)
            theirs = [s for s in self.subscriptions() if s.user == subject and s.until is None and s.reach < event.seq]
            if any(s.live for s in theirs):
                self.seal()
            for subscription in theirs:
                if subscription.live:
                    self.detach(subscription)
                    self.gone.add(subscription.subscriber)
                else:
                    subscription.until = event.seq
                subscription.subscriber.access_ended(self.info.id)
        elif event.type == DELETED:
            self.erased = event.seq
            self._erase(event.content().target)
        elif event.type == ROLE:
            body = event.content()
            self._touch(body.member or "", event.seq)
            for subscription in self.subscriptions():
                if subscription.user == body.member:
                    subscription.role = body.role or subscription.role
        elif event.type == CHANGED:
            body = event.content()
            slow_ms = self.info.slow_ms if body.slow_ms is None else body.slow_ms
            self.info = Room(
                id=self.info.id,
                title=body.title or self.info.title,
                access=body.access or self.info.access,
                slow_ms=slow_ms,
            )

    def _touch(self, user: str, seq: int) -> None:
        if len(self.touched) >= TOUCHED:
            self.forgotten = self.touched.pop(next(iter(self.touched)))
        self.touched.pop(user, None)
        self.touched[user] = seq

    def _erase(self, target: int | None) -> None:
        """Take a deleted message's text out of the tail, as the log does, so that no later join reads it."""
        for i, entry in enumerate(self.tail):
            event = entry.event
            if event.seq == target and event.type == SENT:
                body = encode_body(Body(deleted=True))
            elif event.type == EDITED and event.content().target == target:
                body = encode_body(Body(target=target))
            else:
                continue
            self.tail[i] = encoded(
                Event(event.room, event.seq, event.id, event.type, event.user, event.name, event.at, body)
            )

    def lengthen(self, events: list[Event], asked: int) -> None:
        """Keep events read from the log before the tail, if they join on to it: who asks next need not read.

        Args:
            asked: `next` when the read was asked for. If something was erased since then, it may stand in `events` yet.
        """
        start = self.tail_from
        older = [e for e in events if e.seq <= start]
        if self.erased >= asked or not older or older[-1].seq != start:
            return
        size, kept = 0, deque(self.tail, maxlen=LONG_TAIL)
        for event in reversed(older):
            entry = encoded(event)
            size += len(entry.text)
            if size > LONG_BYTES or len(kept) == LONG_TAIL:
                break
            kept.appendleft(entry)
        self.tail, self.warm = kept, True

    def shorten(self) -> None:
        """Let go of what the tail was lengthened by, unless that was since the last time."""
        if self.tail.maxlen != TAIL and not self.warm:
            self.tail = deque(self.tail, maxlen=TAIL)
        self.warm = False

    # -- the sockets' side ---------------------------------------------------------------------------------------------

    def subscriptions(self) -> Iterator[Subscription]:
        """Give all subscriptions, live and lagging."""
        for audience in self.audiences.values():
            yield from tuple(audience.subscriptions)
        yield from tuple(self.lagging)

    def attach(self, subscription: Subscription) -> None:
        """Add to the audience: what is sealed from now on goes to it. It must stand at `sealed`.

        The first of an encoding while more than the tail holds is not sealed yet stays behind, and comes in by catching up.
        """
        encoding = subscription.subscriber.encoding
        audience = self.audiences.get(encoding)
        if audience is None:
            if self.tail_from > self.sealed:
                self.lagging.add(subscription)
                return
            audience = self.audiences[encoding] = Audience(encoding)
            told = islice(self.tail, self.sealed - self.tail_from, (self.skip_from or self.next) - 1 - self.tail_from)
            audience.pending = [encoding.event(e) for e in told]
        audience.subscriptions.add(subscription)
        audience.stale = True
        subscription.live = True
        self.lagging.discard(subscription)
        self.live += 1

    def detach(self, subscription: Subscription) -> None:
        """Take out of the audience, or out of those behind."""
        self.lagging.discard(subscription)
        if subscription.live:
            subscription.live = False
            audience = self.audiences[subscription.subscriber.encoding]
            audience.subscriptions.discard(subscription)
            audience.stale = True
            self.live -= 1

    def withdraw(self, subscriber: Subscriber) -> None:
        """Take a subscriber that joins out of the batches on their way: the answer has what they bring."""
        for i, (data, writers, cursor) in enumerate(self.batches):
            rest = tuple(write for write in writers[cursor:] if write not in (subscriber.queue, subscriber.write_now))
            self.batches[i] = (data, rest, 0)

    def lag(self, subscription: Subscription) -> None:
        """Stop writing to a socket over its budget. Sealed batches still reach it, so it stands at `sealed`."""
        if subscription.live:
            self.detach(subscription)
            subscription.position = self.sealed
            self.lagging.add(subscription)
            self.statistics.lagging += 1

    @property
    def tail_from(self) -> int:
        """The seq after which the tail holds everything."""
        return self.next - 1 - len(self.tail)

    # -- batches -------------------------------------------------------------------------------------------------------

    def _pend_skip(self, to: int) -> None:
        skip = SkipFrame(room=self.info.id, from_=self.skip_from, to=to)
        for audience in self.audiences.values():
            audience.pending.append(audience.encoding.frame(skip))
        self.skip_from = 0

    def seal(self) -> None:
        """Close the pending batch: join its frames and fix who gets them."""
        if self.skip_from:
            self._pend_skip(self.next - 1)
        for audience in self.audiences.values():
            pending = audience.pending
            if not pending:
                continue
            if audience.stale:
                audience.fix(waiting=bool(self.batches))
            if audience.writers:
                self.batches.append((pending[0] if len(pending) == 1 else b"".join(pending), audience.writers, 0))
                self.statistics.deliveries += len(pending) * len(audience.writers)
            audience.pending = []
        self.sealed = self.next - 1
        self.events_pending = 0

    def write(self, limit: int) -> int:
        """Write sealed batches to at most `limit` sockets; gives how many writes were made."""
        written = 0
        batches = self.batches
        while batches and written < limit:
            data, writers, cursor = batches[0]
            count = min(len(writers) - cursor, limit - written)
            sockets = iter(writers if count == len(writers) else writers[cursor : cursor + count])
            while True:
                try:
                    for write in sockets:
                        write(data)
                    break
                except RuntimeError:  # uvloop: that socket has closed since the batch was sealed; on with the next
                    continue
            written += count
            if cursor + count == len(writers):
                batches.popleft()
            else:
                batches[0] = (data, writers, cursor + count)
        if self.gone and not batches:
            self.gone.clear()
        self.statistics.writes += written
        return written
