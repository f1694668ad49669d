"""What is unread in rooms that a connection does not follow, told to those that watch their user's own rooms.

Nothing is counted up per member. A room knows how many messages it has had, and for each user who watches it how many of
them are not unread (`seen`): a message costs its room one addition, and a tick one subtraction for each of these users.
What is a user's own (sends, mentions, pointers, memberships) is counted again from the directory, ROWS at a tick.

The log is the truth here, too: a room takes its events in their order, those that are committed here as they come, the
others from the log, once a heartbeat has told how far that reaches. What no watched room's log tells, signals do, which may be
lost: that a user has come into a room that nobody watches here, and that they have read on another node.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from madang.core.events import (
    TYPES,
    Event,
    MemberErased,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    RoleGiven,
    RoomChanged,
    RoomCreated,
    RoomPurged,
    decode_body,
)
from madang.core.metrics import Metric
from madang.core.rooms import COUNTED, Counted, Membership, is_direct
from madang.delivery.reader import READ, LogReader
from madang.delivery.subscriber import Subscriber
from madang.delivery.watched import UNKNOWN, Watched, WatchedRoom, Watcher
from madang.errors import Limited, StorageError
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.directory import NOTHING, Directory

logger = logging.getLogger("madang.watching")

TOPIC: Final = "own"
TICK_S: Final = 1.0
EACH_S: Final = 0.0005
"""What a room's tick takes longer for each user who watches it: one of 10,000 is told every 5 s, 2,000 of them a second."""
ROWS: Final = 200
"""Memberships counted again at a tick. Those that wait meanwhile are not told."""
PAIRS: Final = 500_000
"""Users times rooms that may be watched on a node, at about 100 bytes; above that, watching is refused (overloaded)."""
OVERLOADED_MS: Final = 30_000
SLICE: Final = 256
"""Users and connections between two pauses."""
SIGNAL_S: Final = 0.25
WAITING: Final = 5_000
"""Users and rooms that wait to be signalled to other nodes; what comes above that is dropped."""
_SIGNALLED: Final = 30  # in one signal: 64 characters each
_KEYS: Final = 64  # signals on their way at one time: a later one of the same key would replace it
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[tuple[str, str]]).decode

_SENT: Final = MessageSent.type
_ENTERING: Final = frozenset({MemberJoined.type, RoomCreated.type})
_ENDING: Final = frozenset(name for name, body in TYPES.items() if body.ends_access)
_PASSING: Final = _ENTERING | _ENDING
_OF_THE_OTHER: Final = _PASSING | {MemberErased.type}
"""What changes the row of a direct room for the other of the two."""


class Watching:
    """Who watches their rooms on this node.

    Attributes:
        pairs: users times rooms.
    """

    def __init__(self, directory: Directory, reader: LogReader, bus: Bus) -> None:
        self._directory = directory
        self._reader = reader
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._name = secrets.token_hex(4)
        self._signals = 0
        self._others: dict[tuple[str, str], None] = {}
        self._users: dict[str, Watched] = {}
        self._watchers: dict[Subscriber, Watcher] = {}
        self._unchecked: dict[str, None] = {}  # rooms whose head has not been looked up since they were first counted
        self._behind: dict[str, None] = {}
        self._own: dict[str, set[str]] = {}  # what is counted again: rooms by user
        self._counting = ""  # the user whose rooms are being read
        self._ended: set[str] = set()  # rooms that are theirs no more since that began
        self._changed: dict[str, None] = {}  # rooms with other counts than were told
        self._waiting: dict[Watcher, None] = {}
        self._due = asyncio.Event()
        self._failing = False
        self.rooms: dict[str, WatchedRoom] = {}
        self.pairs = 0
        self._pointers: Callable[[str], Mapping[str, int]] = lambda user: NOTHING

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        return [
            Metric("gauge", "madang_watching", "Connections that watch their user's rooms.", len(self._watchers)),
            Metric("gauge", "madang_watched", "Rooms watched, each once for each user.", self.pairs),
            Metric("gauge", "madang_watched_waiting", "Users whose rooms wait to be counted again.", len(self._own)),
        ]

    def use_pointers(self, pointers: Callable[[str], Mapping[str, int]]) -> None:
        """Count by these read pointers of a user's, too, by room: those that are not in the directory yet."""
        self._pointers = pointers

    # -- who watches ---------------------------------------------------------------------------------------------------

    @contextmanager
    def begin(self, subscriber: Subscriber, user: str) -> Iterator[Callable[[Iterable[Counted]], None]]:
        """Watch rooms from now on: the block counts them, and calls what it is given with them, right before it tells them.

        Raises:
            Limited: overloaded, where too much is watched.
        """
        if self.pairs >= PAIRS:
            raise Limited("overloaded", OVERLOADED_MS)
        of_user = self._users.setdefault(user, Watched())
        of_user.beginning += 1  # what happens to their rooms from here on is noted
        try:
            yield lambda found: self._begun(subscriber, user, found)
        finally:
            of_user.beginning -= 1
            if not of_user.beginning:
                of_user.meanwhile.clear()
            self._forget_unused(user)

    def _begun(self, subscriber: Subscriber, user: str, found: Iterable[Counted]) -> None:
        if subscriber.closed:
            return
        if subscriber not in self._watchers:
            watcher = self._watchers[subscriber] = Watcher(subscriber, user)
            self._users[user].watchers.append(watcher)
        of_user = self._users[user]
        for each in found:
            name = each.membership.room
            self._keep(user, each)
            if name in of_user.meanwhile or self.rooms[name].seq > each.membership.seq:
                self.touch(user, name)  # something has happened since this was counted

    def close(self, subscriber: Subscriber) -> None:
        """Let go of a connection that has ended."""
        watcher = self._watchers.pop(subscriber, None)
        if watcher is not None:
            self._waiting.pop(watcher, None)
            self._users[watcher.user].watchers.remove(watcher)
            self._forget_unused(watcher.user)

    def _forget_unused(self, user: str) -> None:
        of_user = self._users[user]
        if not of_user.watchers and not of_user.beginning:
            for name in tuple(of_user.rooms):
                self._drop(user, name)
            self._own.pop(user, None)
            del self._users[user]

    def _keep(self, user: str, counted: Counted) -> None:
        """Note what was counted of a user's room."""
        membership = counted.membership
        name = membership.room
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = WatchedRoom(membership.seq, counted.messages)
            self._unchecked[name] = None
            self._due.set()
        elif room.seq == UNKNOWN:
            room.seq, room.messages, room.told = membership.seq, counted.messages, counted.messages
            self._reaches(name, room, room.head)
        elif room.seq == membership.seq and room.messages != counted.messages:
            self._count_all(name, room)  # of a room that had been purged of all messages
        if user not in room.seen:
            self.pairs += 1
            self._users[user].rooms.add(name)
        room.seen[user] = counted.seen
        if membership.mentions:
            room.mentioned.add(user)
        else:
            room.mentioned.discard(user)

    def _drop(self, user: str, name: str) -> None:
        room = self.rooms[name]
        del room.seen[user]
        room.mentioned.discard(user)
        self._users[user].rooms.discard(name)
        self.pairs -= 1
        if not room.seen:
            del self.rooms[name]
            for waiting in (self._unchecked, self._behind, self._changed):
                waiting.pop(name, None)

    def _lost(self, user: str, name: str) -> None:
        """Note that a room is a user's no more, if it was."""
        of_user = self._users[user]
        if name not in of_user.rooms:
            return
        if of_user.beginning:
            self.touch(user, name)
        self._drop(user, name)
        for watcher in of_user.watchers:
            watcher.note_gone(name)
            self._waiting[watcher] = None
        self._due.set()

    # -- what happens --------------------------------------------------------------------------------------------------

    def committed(self, events: Sequence[Event]) -> None:
        """Take what this node has committed, in order per room."""
        if not self._users and self._bus.local:
            return
        rooms = self.rooms
        for event in events:
            if (room := rooms.get(event.room)) is not None:
                if event.seq == room.seq + 1:
                    self._take(event.room, room, event)
                else:
                    self._reaches(event.room, room, event.seq)
            if event.type in _PASSING:
                if event.type in _ENTERING:
                    self._entered(event)
                elif self._counting and event.subject() in (self._counting, None):
                    self._ended.add(event.room)

    def heads_seen(self, heads: Mapping[str, int]) -> None:
        """Learn how far the logs of rooms reach."""
        if self.rooms:
            for name, seq in heads.items():
                if (room := self.rooms.get(name)) is not None:
                    self._reaches(name, room, seq)

    def touch(self, user: str, name: str) -> None:
        """Count a user's room again, if they watch it or may have come into it, unless all their connections follow it."""
        of_user = self._users.get(user)
        if of_user is None:
            return
        if not of_user.beginning and all(watcher.follows(name) for watcher in of_user.watchers):
            if name in of_user.rooms:
                self.rooms[name].seen[user] = None
            return
        if of_user.beginning:
            of_user.meanwhile.add(name)
        self._own.setdefault(user, set()).add(name)
        self._due.set()

    def tell_others(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Tell the other nodes that something of these users' own has changed in these rooms."""
        if self._bus.local:
            return
        if not self._others:
            self._loop.call_later(SIGNAL_S, self._signal)
        for pair in pairs:
            if len(self._others) >= WAITING:
                break
            self._others[pair] = None

    def _signal(self) -> None:
        pairs, self._others = list(self._others), {}
        for start in range(0, len(pairs), _SIGNALLED):
            self._signals += 1
            key = f"{self._name}/{self._signals % _KEYS}"
            self._bus.signal(Signal(EVERYWHERE, TOPIC, key, _encode(pairs[start : start + _SIGNALLED])))

    def receive(self, signal: Signal) -> None:
        """Handle a signal of another node."""
        for user, name in _decode(signal.value):
            self.touch(user, name)

    def _reaches(self, name: str, room: WatchedRoom, seq: int) -> None:
        room.head = max(room.head, seq)
        if room.head > room.seq != UNKNOWN:
            self._behind[name] = None
            self._due.set()

    def _entered(self, event: Event) -> None:
        users = [event.user]
        if event.type == RoomCreated.type and (peer := decode_body(RoomCreated, event.body).peer):
            users.append(peer)
        for user in users:
            self.touch(user, event.room)
        self.tell_others((user, event.room) for user in users)

    def _take(self, name: str, room: WatchedRoom, event: Event) -> None:
        """Take the next event of a room."""
        room.seq = event.seq
        kind = event.type
        if kind == _SENT:
            if not room.messages:  # it may be one that was purged of all messages, whose numbers go on
                self._count_all(name, room)
                return
            room.messages += 1
            self._changed[name] = None
            self._due.set()
            if event.user in room.seen:
                self.touch(event.user, name)
            if b'"mentions"' in event.body:
                self._mentioned(name, room, decode_body(MessageSent, event.body).mentions)
        elif kind == MessageEdited.type:
            self._mentioned(name, room, {*room.mentioned, *decode_body(MessageEdited, event.body).mentions})
        elif kind == MessageDeleted.type:
            self._mentioned(name, room, tuple(room.mentioned))
        elif kind in _ENDING:
            subject = event.subject()
            for user in list(room.seen) if subject is None else [subject] if subject in room.seen else []:
                self._lost(user, name)
        elif kind == MemberJoined.type:
            self.touch(event.user, name)
        elif kind == RoleGiven.type:
            self.touch(decode_body(RoleGiven, event.body).member, name)
        elif kind in (RoomChanged.type, RoomPurged.type):
            self._count_all(name, room)
        if kind in _OF_THE_OTHER and is_direct(name):
            for user in tuple(room.seen):
                self.touch(user, name)

    def _mentioned(self, name: str, room: WatchedRoom, users: Iterable[str]) -> None:
        for user in users:
            if user in room.seen:
                self.touch(user, name)

    def _count_all(self, name: str, room: WatchedRoom) -> None:
        """Count a room again for all who watch it."""
        room.seq = UNKNOWN
        self._behind.pop(name, None)
        self._changed.pop(name, None)
        for user in tuple(room.seen):
            self.touch(user, name)

    # -- per tick ------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell what has changed: at once after a quiet time, then per tick, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            began = self._loop.time()
            try:
                await self._tick()
                self._failing = False
            except Exception as error:
                if not isinstance(error, StorageError):
                    logger.error("unread counts not told", exc_info=error)
                elif not self._failing:  # logged once, until it is over
                    logger.warning("unread counts not told: %s", error)
                self._failing = True
                self._due.set()
            took_s = self._loop.time() - began
            await asyncio.sleep(max(TICK_S, 2 * took_s))

    async def _tick(self) -> None:
        await self._check()
        await self._catch_up()
        await self._count()
        await self._compare()
        await self._tell()

    async def _check(self) -> None:
        """Look up how far rooms reach that are newly watched: an event may have come between their count and now."""
        while self._unchecked:
            names = list(self._unchecked)[:READ]
            heads = await self._reader.heads(names)
            for name in names:
                self._unchecked.pop(name, None)
            self.heads_seen(heads)

    async def _catch_up(self) -> None:
        """Read what rooms lack; of one that lacks more than a read, count everything again."""
        for name in list(self._behind):
            room = self.rooms.get(name)
            if room is not None and room.head > room.seq != UNKNOWN:
                events = await self._reader.read(name, room.seq)
                if self.rooms.get(name) is not room:
                    continue
                for event in events:
                    if event.seq == room.seq + 1:
                        self._take(name, room, event)
                if room.head > room.seq != UNKNOWN:
                    self._count_all(name, room)
            self._behind.pop(name, None)

    async def _count(self) -> None:
        """Count again what is users' own, for as many as a tick allows."""
        rows = ROWS
        while self._own and rows > 0:
            user = next(iter(self._own))
            names = self._own.pop(user)
            if len(names) > ROWS:
                self._own[user] = set(list(names)[ROWS:])
                names = names - self._own[user]
            rows -= len(names)
            self._counting = user
            try:
                found = await self._directory.counted(user, among=sorted(names), read=self._pointers(user))
            except BaseException:
                self._own.setdefault(user, set()).update(names)
                raise
            finally:
                ended, self._counting, self._ended = self._ended, "", set()
            if (of_user := self._users.get(user)) is None:
                self._own.pop(user, None)
                continue
            found = [each for each in found if each.membership.room not in ended]  # it was read before
            for each in found:
                self._keep(user, each)
                self._tell_row(of_user, each.membership)
            for name in names.difference(each.membership.room for each in found):
                self._lost(user, name)
        if self._own:
            self._due.set()

    def _tell_row(self, of_user: Watched, membership: Membership) -> None:
        name = membership.room
        for watcher in of_user.watchers:
            if not watcher.follows(name):
                watcher.note_row(membership)
                self._waiting[watcher] = None

    async def _compare(self) -> None:
        """Note for all who watch a room that has had messages how many are unread now."""
        now = self._loop.time()
        for name in list(self._changed):
            room = self.rooms.get(name)
            if room is None or now < room.due:
                continue
            del self._changed[name]
            room.due = now + max(TICK_S, EACH_S * len(room.seen)) * 0.9  # so that the tick then does not come too early
            before, room.told = room.told, room.messages
            users = list(room.seen.items())
            for start in range(0, len(users), SLICE):
                for user, seen in users[start : start + SLICE]:
                    if seen is not None and before - seen < COUNTED and name not in self._own.get(user, ()):
                        self._note(user, name, room, seen)
                await asyncio.sleep(0)
        if self._changed:
            self._due.set()

    def _note(self, user: str, name: str, room: WatchedRoom, seen: int) -> None:
        if (of_user := self._users.get(user)) is not None and name in of_user.rooms:
            for watcher in of_user.watchers:
                if not watcher.follows(name):
                    watcher.note_count(name, room.seq, min(COUNTED, max(0, room.told - seen)))
                    self._waiting[watcher] = None

    async def _tell(self) -> None:
        """Write what waits. A socket that is not read is told later, and then only how things are."""
        for written, watcher in enumerate(list(self._waiting)):
            if written % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            if watcher in self._waiting and not watcher.subscriber.paused:
                watcher.subscriber.queue(watcher.subscriber.encoding.frame(watcher.take()))
                if not watcher.waiting:
                    del self._waiting[watcher]
        if self._waiting:
            self._due.set()
