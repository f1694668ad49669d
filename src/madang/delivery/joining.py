"""Following a room from a position: join, resume, and catching up at a socket's own speed (lag mode).

All three are one thing. A subscription stands at a seq; what lies between it and the room comes from the hot tail or
the log; when it reaches `sealed` it becomes live. No queue per socket exists: the socket's own write buffer is it.
"""

import logging
from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from madang.core.events import Event
from madang.delivery.hub import READ, Hub
from madang.delivery.room import LiveRoom
from madang.delivery.subscriber import Entry, Subscriber, Subscription, encoded
from madang.errors import Refused, StorageError, StorageFailed
from madang.protocol.native import codec
from madang.protocol.native.frames import BehindFrame, ResetFrame

logger = logging.getLogger("madang.following")

RESUME_EVENTS: Final = 1000  # further behind than this, a client starts afresh: paging is cheaper for both
JOIN_BYTES: Final = 256 * 1024  # events in one answer to join; what a resume has beyond it follows as event frames
CHUNK: Final = 64 * 1024  # bytes given to a socket that catches up before its byte budget is looked at again
RESET_EVENTS: Final = 50


class Joined(msgspec.Struct):
    """What a join gives: events up to `seq`, as JSON (`Entry.text`). What is newer follows as frames, without a hole."""

    seq: int
    reset: bool
    events: list[bytes]


class Following:
    """Puts subscribers into rooms and keeps those behind moving."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        hub.on_written = self._pump_all

    async def join(
        self, subscriber: Subscriber, room: LiveRoom, user: str, name: str, role: str, *,
        member_at: int, reach: int = 0, since: int | None = None, epoch: str | None = None, limit: int = 50,
    ) -> Joined | None:  # fmt: skip
        """Follow a room, from `since` if that can be resumed, else from its newest `limit` events.

        The caller writes the answer before it awaits anything: frames of events above `seq` may follow at once.

        Args:
            member_at: the room's `next` when the membership began to be looked up. If an event since then ended or
                changed it, the answer is None: it must be looked up again, and the room opened.
            reach: the user's read pointer, at or above his own join: for the answer to contain (a crowded room leaves it
                to its next batch); what ended a membership up to there does not end this one.
        """
        await self._hub.current(room)
        if room.sealed < reach < room.next and room.live <= self._hub.quiet_above:
            room.seal()
            self._hub.touch(room)
        resume = since is not None and epoch == room.epoch and await self._reached(room, since)
        after = since if resume and since is not None else max(0, room.sealed - limit)
        older = await self._older(room, after) if after < room.tail_from and after < room.sealed else []
        if subscriber.closed:
            raise Refused("not_found")
        if max(room.touched.get(user, 0), room.forgotten) >= member_at or self._hub.rooms.get(room.info.id) is not room:
            return None
        texts = self._between(room, after, older)  # short of `sealed` if the tail moved on while the log was read
        if resume:
            events = _first(texts, JOIN_BYTES)
            seq = after + len(events)
        else:
            events = _last(texts[-limit:] if limit else [], JOIN_BYTES)
            seq = after + len(texts)
        self._follow(room, Subscription(subscriber, user, name, role, seq, reach))
        return Joined(seq, since is not None and not resume, events)

    async def _older(self, room: LiveRoom, after: int) -> list[Event]:
        """Read what the tail does not have; it keeps that for a while, because who comes back seldom comes alone."""
        asked = room.next
        events = await self._hub.read(room.info.id, after, READ)
        room.lengthen(events, asked)
        return events

    async def _reached(self, room: LiveRoom, since: int) -> bool:
        """Whether a client can go on from `since`: near enough, and not beyond what the log holds."""
        if since >= room.next and not await self._hub.fill_to(room, since):
            return False
        if since > room.sealed:
            room.seal()
            self._hub.touch(room)
        return room.sealed - since <= RESUME_EVENTS

    def _between(self, room: LiveRoom, after: int, older: list[Event]) -> list[bytes]:
        """Give the texts of events above `after` up to `sealed`, as far as they are contiguous."""
        texts = [codec.event(e) for e in older if e.seq <= min(room.tail_from, room.sealed)]
        reached = after + len(texts)
        if reached < room.tail_from:
            return texts
        return texts + [e.text for e in _tail(room, reached, room.sealed)]

    def _follow(self, room: LiveRoom, subscription: Subscription) -> None:
        subscriber = subscription.subscriber
        if (former := subscriber.subscriptions.get(room.info.id)) is not None:
            room.detach(former)
        if former is not None or subscriber in room.gone:
            room.withdraw(subscriber)
        subscriber.subscriptions[room.info.id] = subscription
        if subscription.position == room.sealed and not subscriber.paused:
            room.attach(subscription)
        else:
            room.lagging.add(subscription)
            self._hub.later(lambda: self._pump(room, subscription))  # behind the answer to join
        self._hub.presence.enter(room.info.id, subscription.user, subscription.name, subscriber.device)

    # -- catching up ---------------------------------------------------------------------------------------------------

    def resume(self, subscriber: Subscriber) -> None:
        """A socket is under its byte budget again: say where its rooms are, and go on from where it stands."""
        for name, subscription in list(subscriber.subscriptions.items()):
            room = self._hub.rooms.get(name)
            if subscriber.paused:
                return  # full again: the others when there is room
            if room is None or subscription not in room.lagging:
                continue
            goal = _goal(room, subscription)
            if 0 < goal - subscription.position <= RESUME_EVENTS and not subscription.catching_up:
                behind = BehindFrame(room=name, seq=goal, from_=subscription.position)
                subscriber.send(subscriber.encoding.frame(behind))
            self._pump(room, subscription)

    def _pump_all(self, room: LiveRoom) -> None:
        for subscription in tuple(room.lagging):
            self._pump(room, subscription)

    def _pump(self, room: LiveRoom, subscription: Subscription) -> None:
        """Give a socket what it lacks, as far as its byte budget goes; make it live when it lacks nothing.

        While batches are being written the socket may be in their audience, so its turn comes when they are out.
        """
        subscriber = subscription.subscriber
        if subscription.catching_up or room.batches or subscription not in room.lagging:
            return
        while not subscriber.paused and subscription.position < (goal := _goal(room, subscription)):
            if goal - subscription.position > RESUME_EVENTS:
                self._reset(room, subscription, goal - (goal == subscription.until))  # its end comes as an event behind
            elif subscription.position < room.tail_from:
                subscription.catching_up = True
                self._hub.spawn(self._pump_from_log(room, subscription))
                return
            else:
                self._give(subscription, _tail(room, subscription.position, goal))
        if subscriber.paused:
            return
        if subscription.until is None:
            room.attach(subscription)
        elif subscription.position >= subscription.until:
            room.detach(subscription)
            del subscriber.subscriptions[room.info.id]

    async def _pump_from_log(self, room: LiveRoom, subscription: Subscription) -> None:
        try:
            events = await self._older(room, subscription.position)
            if subscription not in room.lagging:
                return
            if not events:
                raise StorageFailed("The log does not have what it announced.")
            goal = _goal(room, subscription)
            entries = (encoded(e) for e in events if e.seq <= goal)
            while not subscription.subscriber.paused and self._give(subscription, entries):
                pass
        except StorageError as error:
            logger.warning("room %s cannot be read: %s", room.info.id, error)
            subscription.subscriber.close_retryable()  # it resumes on another connection; nothing is lost
            return
        finally:
            subscription.catching_up = False
        self._pump(room, subscription)

    def _give(self, subscription: Subscription, entries: Iterable[Entry]) -> bool:
        """Write the next chunk of entries; False when there was nothing."""
        subscriber = subscription.subscriber
        frames: list[bytes] = []
        size = 0
        for entry in entries:
            frame = subscriber.encoding.event(entry)
            frames.append(frame)
            size += len(frame)
            subscription.position = entry.event.seq
            if size >= CHUNK:
                break
        if frames:
            subscriber.send(b"".join(frames))
            self._hub.statistics.deliveries += len(frames)
        return bool(frames)

    def _reset(self, room: LiveRoom, subscription: Subscription, goal: int) -> None:
        self._hub.statistics.resets += 1
        subscription.position = goal
        newest = _tail(room, max(room.tail_from, goal - RESET_EVENTS), goal)
        events = codec.array(_last([e.text for e in newest], JOIN_BYTES))
        reset = ResetFrame(room=room.info.id, epoch=room.epoch, seq=goal, events=events)
        subscription.subscriber.send(subscription.subscriber.encoding.frame(reset))


def _goal(room: LiveRoom, subscription: Subscription) -> int:
    """The seq up to which a subscription may be given events by now."""
    return room.sealed if subscription.until is None else min(subscription.until, room.sealed)


def _tail(room: LiveRoom, after: int, upto: int) -> list[Entry]:
    """Give the tail's entries above `after` (which it reaches back to) up to `upto`; none if it begins later."""
    start = room.tail_from
    return list(islice(room.tail, after - start, max(after, upto) - start))


def _first(texts: list[bytes], size: int) -> list[bytes]:
    """Give as many from the front as fit into `size` bytes, and at least one."""
    total = 0
    for i, text in enumerate(texts):
        total += len(text)
        if total > size and i:
            return texts[:i]
    return texts


def _last(texts: list[bytes], size: int) -> list[bytes]:
    """Give as many from the end as fit into `size` bytes, and at least one."""
    return _first(texts[::-1], size)[::-1]
