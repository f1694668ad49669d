"""Joining: a client asks to follow a room, from where it left off or from the newest events.

A join reads what the client lacks, answers with it, and puts the client into the room at the seq of the answer. What is
newer than that follows as frames, without a hole: live if the client stands where the room does, else by catching up.
"""

import msgspec

from madang.core.events import Event
from madang.delivery.catching_up import JOIN_BYTES, RESUME_EVENTS, first, last
from madang.delivery.hub import Hub
from madang.delivery.room import LiveRoom
from madang.delivery.subscriber import Subscriber
from madang.delivery.subscription import Subscription
from madang.errors import Refused
from madang.protocol.native import codec


class Joined(msgspec.Struct):
    """The answer to a join: events up to `seq`, as JSON (`Entry.text`). What is newer follows as frames, without a hole."""

    seq: int
    reset: bool
    events: list[bytes]


class Joiner:
    """Puts subscribers into rooms."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def join(
        self, subscriber: Subscriber, room: LiveRoom, user: str, name: str, role: str, *,
        member_at: int, joined_at: int = 0, since: int | None = None, epoch: str | None = None, limit: int = 50,
    ) -> Joined | None:  # fmt: skip
        """Follow a room, from `since` if that can be resumed, else from its newest `limit` events.

        The caller writes the answer before it awaits anything: frames of events above `seq` may follow at once.

        Args:
            member_at: the room's `next` when the membership began to be looked up. If an event since then ended or
                changed it, the answer is None: it must be looked up again, and the room opened.
            joined_at: the user's read pointer, at or above his own join: for the answer to contain (a crowded room leaves it
                to its next batch); what ended a membership up to there does not end this one.
        """
        await self._hub.catch_up(room)
        if room.sealed < joined_at < room.next and room.live <= self._hub.quiet_above:
            room.seal()
            self._hub.scheduler.push(room)
        resume = since is not None and epoch == room.epoch and await self._reached(room, since)
        after = since if resume and since is not None else max(0, room.sealed - limit)
        older = (
            await self._hub.reader.before_tail(room, after) if after < room.tail.start and after < room.sealed else []
        )
        if subscriber.closed:
            raise Refused("not_found")
        if room.changes.since(user, member_at) or self._hub.rooms.get(room.info.id) is not room:
            return None
        texts = self._between(room, after, older)  # short of `sealed` if the tail moved on while the log was read
        if resume:
            events = first(texts, JOIN_BYTES)
            seq = after + len(events)
        else:
            events = last(texts[-limit:] if limit else [], JOIN_BYTES)
            seq = after + len(texts)
        self._follow(room, Subscription(subscriber, user, name, role, seq, joined_at))
        return Joined(seq, since is not None and not resume, events)

    async def _reached(self, room: LiveRoom, since: int) -> bool:
        """Whether a client can go on from `since`: near enough, and not beyond what the log holds."""
        if since >= room.next and not await self._hub.gaps.fill_to(room, since):
            return False
        if since > room.sealed:
            room.seal()
            self._hub.scheduler.push(room)
        return room.sealed - since <= RESUME_EVENTS

    def _between(self, room: LiveRoom, after: int, older: list[Event]) -> list[bytes]:
        """Return the texts of events above `after` up to `sealed`, as far as they are contiguous."""
        texts = [codec.event(e) for e in older if e.seq <= min(room.tail.start, room.sealed)]
        reached = after + len(texts)
        if reached < room.tail.start:
            return texts
        return texts + [e.text for e in room.tail.between(reached, room.sealed)]

    def _follow(self, room: LiveRoom, subscription: Subscription) -> None:
        subscriber = subscription.subscriber
        if (former := subscriber.subscriptions.get(room.info.id)) is not None:
            room.detach(former)
        if former is not None or subscriber in room.leaving:
            room.withdraw(subscriber)
        subscriber.subscriptions[room.info.id] = subscription
        if subscription.position == room.sealed and not subscriber.paused:
            room.attach(subscription)
        else:
            self._hub.catching_up.start(room, subscription)
        self._hub.presence.enter(room.info.id, subscription.user, subscription.name, subscriber.device)
