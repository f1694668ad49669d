"""Joining: a client asks to follow a room, from where it left off or from the newest events.

A join reads what the client lacks, answers with it, and puts the client into the room at the seq of the answer. What is
newer than that follows as frames, without a gap: live if the client is where the room is, otherwise by catching up.
"""

from collections.abc import Awaitable, Callable

import msgspec

from madang.core.actors import Actor
from madang.core.events import Event, seen
from madang.core.fields import together
from madang.core.rooms import Member, hidden
from madang.delivery.catching_up import JOIN_BYTES, RESUME_EVENTS, first, last
from madang.delivery.hub import Hub
from madang.delivery.room import LiveRoom
from madang.delivery.subscriber import Subscriber, shown
from madang.delivery.subscription import Subscription
from madang.errors import Refused, StorageFailed
from madang.protocol.native import codec

LookUp = Callable[[], Awaitable[Member]]
"""Returns a membership as it is now, or refuses."""


class Start(msgspec.Struct, frozen=True):
    """Where a client wants to start: behind `since`, in the history that `epoch` names, or with the newest events.

    Attributes:
        follows: events come as frames alone, from where it starts on; the answer has some only with a reset.
    """

    since: int | None = None
    epoch: str | None = None
    limit: int = 50
    follows: bool = False


class Joined(msgspec.Struct):
    """The answer to a join: events up to `seq`, as JSON (`Entry.text`). What is newer follows as frames, without a hole.

    Attributes:
        reset: `since` was given and could not be resumed from.
        first: the first seq that there is for the user.
    """

    room: LiveRoom
    member: Member
    seq: int
    reset: bool
    first: int
    events: list[bytes]


class Joiner:
    """Puts subscribers into rooms.

    Args:
        max_rooms: rooms that one subscriber may follow at most.
    """

    def __init__(self, hub: Hub, max_rooms: int) -> None:
        self._hub = hub
        self._max_rooms = max_rooms

    async def join(
        self, subscriber: Subscriber, actor: Actor, room: str, start: Start, *, enter: LookUp, look_up: LookUp
    ) -> Joined:
        """Follow a room, from `start` if that can be resumed, else from its newest events.

        A room is opened only for those who may see it, and a membership that ends or changes while all this takes is
        looked up again. The caller writes the answer before it awaits anything: frames of events above `seq` may follow
        at once.

        Args:
            enter: called first; may make the membership.
            look_up: called once the room is open, and again whenever the membership may have changed; makes none.

        Raises:
            Refused: bad_field, for half a position; not_found, if there is no such room or the subscriber has closed; too_many, if it follows all that it
                may; or what `enter` or `look_up` raise.
        """
        together(since=start.since, epoch=start.epoch)
        if len(subscriber.subscriptions) >= self._max_rooms and room not in subscriber.subscriptions:
            raise Refused("too_many", f"At most {self._max_rooms} rooms on one connection.")
        live = self._hub.rooms.get(room)
        known_at = live.next if live is not None else 0
        member = await enter()
        while True:
            if live is None:
                live = await self._hub.open(room)
                if live is None:
                    raise Refused("not_found")
                known_at = live.next
                member = await look_up()
            joined = await self._try(subscriber, actor, live, member, known_at, start)
            if joined is not None:
                return joined
            live = None

    async def _try(
        self, subscriber: Subscriber, actor: Actor, room: LiveRoom, member: Member, known_at: int, start: Start
    ) -> Joined | None:
        """Join a live room, unless it was let go of, or the membership may have changed at `known_at` or later."""
        await self._hub.catch_up(room)
        low = hidden(room.info, member.joined_seq)
        if low >= room.next and not await self._hub.gaps.fill_to(room, low + 1):
            raise StorageFailed("The log does not have what it announced.")
        if room.sealed < low:
            room.seal()
            self._hub.scheduler.push(room)
        # The answer contains the user's own member.joined; a crowded room leaves that to its next batch.
        if room.sealed < member.read_seq < room.next and room.live <= self._hub.quiet_above:
            room.seal()
            self._hub.scheduler.push(room)
        since = start.since
        resume = since is not None and since >= low and start.epoch == room.epoch and await self._reached(room, since)
        after = since if resume and since is not None else max(low, room.sealed - start.limit)
        answers = not start.follows or (since is not None and not resume)
        if answers and not resume and after < room.tail.start and room.tail.text_bytes >= JOIN_BYTES:
            after = min(room.tail.start, room.sealed)  # what is older would not fit into the answer
        older = list[Event]()
        if answers and after < room.tail.start and after < room.sealed:
            older = await self._hub.reader.before_tail(room, after)
        if subscriber.closed:
            raise Refused("not_found")
        if room.changes.since(actor.id, known_at) or self._hub.rooms.get(room.info.id) is not room:
            return None
        if hidden(room.info, member.joined_seq) > low:  # the setting has changed meanwhile
            return None
        texts = (
            self._between(room, after, older, low) if answers else []
        )  # short of `sealed` if the tail moved on while the log was read
        if resume:
            events = first(texts, JOIN_BYTES)
            seq = after + len(events)
        else:
            events = last(texts[-start.limit :] if start.limit else [], JOIN_BYTES)
            seq = after + len(texts)
        self._follow(
            room,
            Subscription(subscriber, actor.id, actor.name, member.role, seq, member.read_seq, member.joined_seq),
        )
        if not actor.server:  # a key is nobody who could be online
            self._hub.presence.enter(room.info.id, actor.id, actor.name, subscriber.device)
        return Joined(room, member, seq, since is not None and not resume, low + 1, events)

    async def _reached(self, room: LiveRoom, since: int) -> bool:
        """Return whether a client can go on from `since`: near enough, and not beyond what the log holds."""
        if since >= room.next and not await self._hub.gaps.fill_to(room, since):
            return False
        if since > room.sealed:
            room.seal()
            self._hub.scheduler.push(room)
        return room.sealed - since <= RESUME_EVENTS

    def _between(self, room: LiveRoom, after: int, older: list[Event], low: int) -> list[bytes]:
        """Return the texts of events above `after` up to `sealed`, as far as they are contiguous, as one sees them from `low` on."""
        texts = [codec.event(seen(e, low)) for e in older if e.seq <= min(room.tail.start, room.sealed)]
        reached = after + len(texts)
        if reached < room.tail.start:
            return texts
        return texts + [shown(e, low).text for e in room.tail.between(reached, room.sealed)]

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
