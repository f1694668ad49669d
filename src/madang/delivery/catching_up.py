"""How subscribers that are behind get what they lack, from the tail or from the log, as fast as they read.

A subscriber that is behind has no queue and no task: when its room has been written, or its socket has room again, it is
given the next events, as far as its byte budget goes. Only a read of the log is a task.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from madang.core.rooms import hidden
from madang.delivery.reader import LogReader
from madang.delivery.room import LiveRoom
from madang.delivery.statistics import DeliveryStatistics
from madang.delivery.subscriber import Entry, Subscriber, encoded, shown
from madang.delivery.subscription import BEHIND, READING, Subscription
from madang.delivery.turns import Turns
from madang.errors import StorageError, StorageFailed
from madang.protocol.native import codec
from madang.protocol.native.frames import BehindFrame, ResetFrame

logger = logging.getLogger("madang.catching_up")

RESUME_EVENTS: Final = 1000  # further behind than this, a client starts afresh: paging is cheaper for both
JOIN_BYTES: Final = 256 * 1024  # events in one answer to join; what a resume has beyond it follows as event frames
CHUNK: Final = 64 * 1024  # bytes given to a subscriber before its byte budget is looked at again
RESET_EVENTS: Final = 50


class CatchingUp:
    """Moves on subscriptions that are behind until they are live or over."""

    def __init__(
        self, rooms: Mapping[str, LiveRoom], reader: LogReader, turns: Turns, statistics: DeliveryStatistics
    ) -> None:
        self._rooms = rooms
        self._reader = reader
        self._turns = turns
        self._statistics = statistics

    def start(self, room: LiveRoom, subscription: Subscription) -> None:
        """Let a new subscription catch up, in the next turn: behind the answer to its join."""
        room.put_behind(subscription)
        self._turns.next_turn(lambda: self._advance(room, subscription))

    def resume(self, subscriber: Subscriber) -> None:
        """Move a subscriber on in all its rooms: it is under its byte budget again. Tell it first where they are."""
        for name, subscription in list(subscriber.subscriptions.items()):
            room = self._rooms.get(name)
            if subscriber.paused:
                return  # full again; the other rooms when there is room
            if room is None or subscription.standing is not BEHIND:
                continue
            goal = _goal(room, subscription)
            if 0 < goal - subscription.position <= RESUME_EVENTS:
                behind = BehindFrame(room=name, seq=goal, from_=subscription.position)
                subscriber.send(subscriber.encoding.frame(behind))
            self._advance(room, subscription)

    def advance_all(self, room: LiveRoom) -> None:
        """Move on all that are behind in a room: its batches have been written."""
        for subscription in tuple(room.lagging):
            self._advance(room, subscription)

    def _advance(self, room: LiveRoom, subscription: Subscription) -> None:
        """Send a subscriber what it lacks, as far as its byte budget goes; make it live when it lacks nothing.

        While batches are being written it may be in their audience, so its turn comes when they are out.
        """
        subscriber = subscription.subscriber
        if room.batches or subscription.standing is not BEHIND:
            return
        while not subscriber.paused and subscription.position < (goal := _goal(room, subscription)):
            if goal - subscription.position > RESUME_EVENTS or subscription.position < _hidden(room, subscription):
                # The event that ends its access is told as an event, behind the reset.
                self._reset(room, subscription, goal - (goal == subscription.until))
            elif subscription.position < room.tail.start:
                subscription.standing = READING
                self._turns.spawn(self._advance_from_log(room, subscription))
                return
            else:
                self._give(room, subscription, room.tail.between(subscription.position, goal))
        if subscriber.paused:
            return
        if subscription.until is None:
            room.attach(subscription)
        elif subscription.position >= subscription.until:
            room.detach(subscription)
            del subscriber.subscriptions[room.info.id]

    async def _advance_from_log(self, room: LiveRoom, subscription: Subscription) -> None:
        try:
            events = await self._reader.before_tail(room, subscription.position)
            if subscription.standing is not READING:
                return
            goal = _goal(room, subscription)
            entries: Iterator[Entry] = (encoded(e) for e in events if e.seq <= goal)
            if subscription.position < _hidden(room, subscription):
                entries = iter(())  # the setting has changed meanwhile, or the log was erased
            elif not events:
                raise StorageFailed("The log does not have what it announced.")
            while not subscription.subscriber.paused and self._give(room, subscription, entries):
                pass
        except StorageError as error:
            logger.warning("room %s cannot be read: %s", room.info.id, error)
            subscription.subscriber.close_retryable()
            return
        finally:
            if subscription.standing is READING:
                subscription.standing = BEHIND
        self._advance(room, subscription)

    def _give(self, room: LiveRoom, subscription: Subscription, entries: Iterable[Entry]) -> bool:
        """Write the next chunk of entries; return False when there were none."""
        subscriber = subscription.subscriber
        frames: list[bytes] = []
        size, low = 0, _hidden(room, subscription)
        for entry in entries:
            frame = subscriber.encoding.event(shown(entry, low))
            frames.append(frame)
            size += len(frame)
            subscription.position = entry.event.seq
            if size >= CHUNK:
                break
        if frames:
            subscriber.send(b"".join(frames))
            self._statistics.deliveries += len(frames)
        return bool(frames)

    def _reset(self, room: LiveRoom, subscription: Subscription, goal: int) -> None:
        self._statistics.resets += 1
        subscription.position = goal
        low = _hidden(room, subscription)
        newest = room.tail.between(max(room.tail.start, goal - RESET_EVENTS, low), goal)
        events = codec.array(last([shown(e, low).text for e in newest], JOIN_BYTES))
        reset = ResetFrame(room=room.info.id, epoch=room.epoch, seq=goal, events=events)
        subscription.subscriber.send(subscription.subscriber.encoding.frame(reset))


def _hidden(room: LiveRoom, subscription: Subscription) -> int:
    """Return the seq up to which a subscriber sees nothing of a room as it is set by now."""
    return hidden(room.info, subscription.joined_seq)


def _goal(room: LiveRoom, subscription: Subscription) -> int:
    """Return the seq up to which a subscription may be given events by now."""
    return room.sealed if subscription.until is None else min(subscription.until, room.sealed)


def first(texts: list[bytes], size: int) -> list[bytes]:
    """Return as many from the front as fit into `size` bytes, and at least one."""
    total = 0
    for i, text in enumerate(texts):
        total += len(text)
        if total > size and i:
            return texts[:i]
    return texts


def last(texts: list[bytes], size: int) -> list[bytes]:
    """Return as many from the end as fit into `size` bytes, and at least one."""
    return first(texts[::-1], size)[::-1]
