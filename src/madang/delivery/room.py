"""A room that lives on this node: its tail, its audience, and the batches on their way out.

Rule 1: an event is accepted only as the next seq; order is settled here, once, for every subscriber.
Rule 2: a batch is sealed (joined, its audience fixed) before it is written, and then written to all of that audience, in
        slices if the room is large. So a live subscriber is always at `sealed`.
Rule 3: an event that ends someone's access closes its batch; behind it, its subject is no longer in the audience.
When a batch is sealed and written is decided in `scheduler.py`; what is missing is read from the log in `gaps.py`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import islice
from typing import Final

import msgspec

from madang.core.events import (
    TYPES,
    Event,
    MemberErased,
    MemberJoined,
    MessageDeleted,
    MessageSent,
    RoleGiven,
    RoomChanged,
    RoomPurged,
    about,
    decode_body,
    without_content,
)
from madang.core.rooms import ALL, Room, changed, hidden
from madang.delivery.memberships import MembershipChanges
from madang.delivery.statistics import DeliveryStatistics
from madang.delivery.subscriber import Encoding, Entry, Subscriber, encoded
from madang.delivery.subscription import BEHIND, LIVE, OUT, Subscription
from madang.delivery.tail import HotTail, Tails
from madang.protocol.native.frames import SkipFrame

READERS: Final = 1000  # users whose read pointers a live room knows, besides those who follow it here
WRITE_BYTES: Final = 4096  # for which writing takes about as long again as a small write
FEW: Final = 16  # subscribers up to which an event is joined with what else this turn of the loop gives them


class Turn(Enum):
    """How a room waits for its turn to be written; kept by the scheduler."""

    IDLE = auto()  # it does not wait
    LAZY = auto()  # within a second will do
    QUEUED = auto()  # now, or when its tick is over


# For the hot path: in Python 3.11 looking a member up in its class takes 150 ns, a global 10.
IDLE, LAZY, QUEUED = Turn.IDLE, Turn.LAZY, Turn.QUEUED
_JOINED: Final = MemberJoined.type
_SENT: Final = MessageSent.type


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
        """Fix who is written to, and how: events for few are queued, and go out with their acks; for many, written at once.

        What is queued is flushed first, so that no direct write overtakes it. A sealed batch that waits may still be
        queued later, so an audience of few stays one, however large, while any is `waiting`.
        """
        for subscription in tuple(self.subscriptions):  # a copy: flushing may fill a socket, and then it leaves
            subscription.subscriber.flush()
        few = len(self.subscriptions) <= FEW
        self.few = few or (self.few and waiting)
        self.writers = tuple(s.subscriber.queue if self.few else s.subscriber.write_now for s in self.subscriptions)
        self.stale = self.few is not few


class LiveRoom:
    """One room on one node. Everything here runs in the event loop and never waits.

    Attributes:
        next: the only seq that may be accepted.
        sealed: the seq at which every live subscriber is.
        live: how many subscriptions are in the audiences.
        lagging: the subscriptions that are behind.
        batches: sealed and not written yet: bytes, to whom, and how many of these have them.
        leaving: whose access ended, while batches with that news are on their way.
        readers: the highest read pointer of each user that this node was told.
        skip_from: the first seq of a range of joins that is not told yet, 0 for none.
        turn, next_flush: the scheduler's; until the loop time `next_flush`, a hot room only collects.
    """

    __slots__ = (
        "_readers_checked", "audiences", "batches", "changes", "epoch", "events_pending", "info", "lagging", "leaving", "live", "next", "next_flush", "readers",
        "sealed", "skip_from", "statistics", "tail", "turn",
    )  # fmt: skip

    def __init__(
        self, info: Room, epoch: str, seq: int, events: list[Event], statistics: DeliveryStatistics, tails: Tails
    ) -> None:
        self.info = info
        self.epoch = epoch
        self.next = seq + 1
        self.sealed = seq
        self.tail = HotTail(seq, [e for e in events if e.seq > info.purged_seq], tails)
        self.changes = MembershipChanges()
        self.audiences: dict[Encoding, Audience] = {}
        self.live = 0
        self.lagging: set[Subscription] = set()
        self.leaving: set[Subscriber] = set()
        self.batches: deque[tuple[bytes, tuple[Callable[[bytes], None], ...], int]] = deque()
        self.readers: dict[str, int] = {}
        self._readers_checked = 0
        self.events_pending = 0
        self.skip_from = 0
        self.turn = IDLE
        self.next_flush = 0.0
        self.statistics = statistics

    # -- the log's side ------------------------------------------------------------------------------------------------

    def accept(self, event: Event, quiet_above: int) -> None:
        """Add the next event to the tail and to the pending batch of every audience."""
        entry = encoded(event)
        self.next = event.seq + 1
        self.tail.add(entry)
        self.statistics.events += 1
        if event.type == _JOINED and self.live > quiet_above:
            self.skip_from = self.skip_from or event.seq
        else:
            if self.skip_from:
                self._pend_skip(event.seq - 1)
            target = None if event.type == _SENT or self.info.history == ALL else about(event)
            if target is not None:
                self._seal_as_seen(entry, target)
            else:
                for audience in self.audiences.values():
                    audience.pending.append(audience.encoding.event(entry))
                self.events_pending += 1
        if event.type != _SENT:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        kind = TYPES.get(event.type)
        if kind is not None and kind.ends_access:
            self._end_access(event.subject(), event.seq)
        elif event.type == MessageDeleted.type:
            self.tail.erase(decode_body(MessageDeleted, event.body).target, event.seq)
        elif event.type == MemberErased.type:
            erased = decode_body(MemberErased, event.body)
            self.tail.erase_user(erased.member, event.seq, messages=erased.messages)
        elif event.type == RoleGiven.type:
            given = decode_body(RoleGiven, event.body)
            self.changes.note(given.member, event.seq)
            for subscription in self.subscriptions():
                if subscription.user == given.member:
                    subscription.role = given.role
        elif event.type == RoomChanged.type:
            self.info = changed(self.info, decode_body(RoomChanged, event.body))
        elif event.type == RoomPurged.type:
            self._purge(decode_body(RoomPurged, event.body).upto)

    def _purge(self, upto: int) -> None:
        """Keep nothing up to a seq any more."""
        self.info = msgspec.structs.replace(self.info, purged_seq=max(upto, self.info.purged_seq))
        self.tail.purge(upto)

    def skip_purged(self, upto: int) -> None:
        """Go on behind a seq up to which nothing is kept: the log has no more what this room lacks.

        Who followed is behind, and starts again from there.
        """
        if self.skip_from:
            self._pend_skip(self.next - 1)
        self.seal()
        for subscription in tuple(self.subscriptions()):
            self.lag(subscription)
        self.tail.restart(upto)
        self.next = upto + 1
        self.sealed = upto
        self._purge(upto)

    def skip_erased(self, event: Event) -> None:
        """Go on at the last event of a deleted room whose log has been erased below it."""
        if self.skip_from:
            self._pend_skip(self.next - 1)
        self.tail.restart(event.seq - 1)
        self.next = event.seq
        self._purge(event.seq - 1)

    def _end_access(self, user: str | None, seq: int) -> None:
        """End the access of a user, or of everybody."""
        if user is None:
            self.changes.note_all(seq)
        else:
            self.changes.note(user, seq)
        theirs = [s for s in self.subscriptions() if user in (None, s.user) and s.until is None and s.joined_at < seq]
        if any(s.standing is LIVE for s in theirs):
            self.seal()
        for subscription in theirs:
            if subscription.standing is LIVE:
                self.detach(subscription)
                self.leaving.add(subscription.subscriber)
            else:
                subscription.until = seq
            subscription.subscriber.access_ended(self.info.id)

    def has_read(self, user: str, seq: int) -> bool:
        """Note how far a user has read. Return whether that is further than this node was told before."""
        if seq <= self.readers.get(user, 0):
            return False
        self.readers.pop(user, None)
        self.readers[user] = seq  # the last to move is last
        if len(self.readers) >= self._readers_checked + READERS:
            self._forget_readers()
        return True

    def _forget_readers(self) -> None:
        """Forget those who have not moved for long, but for those who follow the room: theirs must not fall."""
        following = {subscription.user for subscription in self.subscriptions()}
        others = [user for user in self.readers if user not in following]
        for user in others[: -READERS // 2]:
            del self.readers[user]
        self._readers_checked = len(self.readers)

    # -- the subscribers' side -----------------------------------------------------------------------------------------

    @property
    def sockets(self) -> int:
        """How many subscriptions there are, live and behind."""
        return self.live + len(self.lagging)

    def subscriptions(self) -> Iterator[Subscription]:
        """Yield all subscriptions, live and behind."""
        for audience in self.audiences.values():
            yield from tuple(audience.subscriptions)
        yield from tuple(self.lagging)

    def attach(self, subscription: Subscription) -> None:
        """Add to the audience: what is sealed from now on goes to it. It must stand at `sealed`.

        The first of an encoding stays behind while more is unsealed than the tail holds, and comes in by catching up.
        """
        encoding = subscription.subscriber.encoding
        audience = self.audiences.get(encoding)
        if audience is None:
            start = self.tail.start
            if start > self.sealed:
                self.put_behind(subscription)
                return
            audience = self.audiences[encoding] = Audience(encoding)
            unsealed = islice(self.tail.entries, self.sealed - start, (self.skip_from or self.next) - 1 - start)
            audience.pending = [encoding.event(e) for e in unsealed]
        audience.subscriptions.add(subscription)
        audience.stale = True
        subscription.standing = LIVE
        self.lagging.discard(subscription)
        self.live += 1

    def put_behind(self, subscription: Subscription) -> None:
        """Add to those that are behind, to catch up from its position."""
        subscription.standing = BEHIND
        self.lagging.add(subscription)

    def detach(self, subscription: Subscription) -> None:
        """Remove from the audience, or from those behind."""
        if subscription.standing is LIVE:
            audience = self.audiences[subscription.subscriber.encoding]
            audience.subscriptions.discard(subscription)
            audience.stale = True
            audience.writers = ()  # newly made for the next batch; until then they would hold a connection that is gone
            self.live -= 1
        self.lagging.discard(subscription)
        subscription.standing = OUT

    def withdraw(self, subscriber: Subscriber) -> None:
        """Take a joining subscriber out of the batches on their way: the answer to the join has what is in them."""
        for i, (data, writers, cursor) in enumerate(self.batches):
            rest = tuple(write for write in writers[cursor:] if write not in (subscriber.queue, subscriber.write_now))
            self.batches[i] = (data, rest, 0)

    def lag(self, subscription: Subscription) -> None:
        """Stop writing to a subscriber over its byte budget. Sealed batches still reach it, so it is at `sealed`."""
        if subscription.standing is LIVE:
            self.detach(subscription)
            subscription.position = self.sealed
            self.put_behind(subscription)
            self.statistics.lagging += 1

    # -- batches -------------------------------------------------------------------------------------------------------

    def _pend_skip(self, to: int) -> None:
        skip = SkipFrame(room=self.info.id, from_=self.skip_from, to=to)
        for audience in self.audiences.values():
            audience.pending.append(audience.encoding.frame(skip))
        self.skip_from = 0

    def seal(self) -> None:
        """Close the pending batch: join its frames and fix who is written to."""
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

    def _seal_as_seen(self, entry: Entry, target: int) -> None:
        """Seal the newest event by itself. Those from whom the message is hidden that it is about get only its seq."""
        self.seal()
        replaced = encoded(without_content(entry.event))
        for audience in self.audiences.values():
            if audience.stale:
                audience.fix(waiting=bool(self.batches))
            those, others = list[Callable[[bytes], None]](), list[Callable[[bytes], None]]()
            for s in audience.subscriptions:
                sees = target > hidden(self.info, s.joined_seq)
                (those if sees else others).append(s.subscriber.queue if audience.few else s.subscriber.write_now)
            for each, some in ((entry, those), (replaced, others)):
                if some:
                    self.batches.append((audience.encoding.event(each), tuple(some), 0))
                    self.statistics.deliveries += len(some)

    def write(self, limit: int) -> int:
        """Write sealed batches to at most `limit` subscribers; return how many that was. A large batch counts several times."""
        written = writes = 0
        batches = self.batches
        while batches and written < limit:
            data, writers, cursor = batches[0]
            each = 1 + len(data) // WRITE_BYTES
            count = min(len(writers) - cursor, max(1, (limit - written) // each))
            sockets = iter(writers if count == len(writers) else writers[cursor : cursor + count])
            while True:
                try:
                    for write in sockets:
                        write(data)
                    break
                except RuntimeError:  # from uvloop: that socket has closed since the batch was sealed
                    continue
            written += count * each
            writes += count
            if cursor + count == len(writers):
                batches.popleft()
            else:
                batches[0] = (data, writers, cursor + count)
        if self.leaving and not batches:
            self.leaving.clear()
        self.statistics.writes += writes
        return written
