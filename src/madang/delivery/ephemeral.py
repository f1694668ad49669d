"""The ephemeral lane: typing, read pointers and what waits for moderators (presence has a file of its own), apart from the log.

The last value per key counts; values are coalesced per tick, and the first to be dropped under load. Nothing is repeated
or recovered: a client that missed a notice misses little.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from madang.core.permissions import Action, may
from madang.delivery.presence import PresenceKeeper
from madang.delivery.room import LiveRoom
from madang.delivery.scheduler import Scheduler
from madang.delivery.statistics import DeliveryStatistics
from madang.ports.bus import Signal
from madang.protocol.native.frames import Frame, ReadFrame, ReportsFrame, TypingFrame

TICK_S: Final = 0.25
TYPING_S: Final = 6.0  # after which a typing signal that is not repeated ends by itself
CROWD: Final = 200  # live subscribers above which typing and read pointers are not told: nobody could follow them
KEYS: Final = 100  # users in one frame; the others wait for the next tick
BACKLOG: Final = 64  # rooms waiting for their turn above which a tick is skipped
_encode = msgspec.json.Encoder().encode
_decode_name = msgspec.json.Decoder(str | None).decode
_decode_seq = msgspec.json.Decoder(int).decode


class _Waiting:
    """What a room has to tell at the next tick."""

    __slots__ = ("readers", "typing")

    def __init__(self) -> None:
        self.typing: dict[str, str | None] = {}  # user -> name, or None when stopped
        self.readers: dict[str, int] = {}

    def toggle(self, user: str, name: str | None) -> None:
        """Note that a user began or stopped typing. Both within one tick cancel out."""
        if self.typing.pop(user, self) is self:
            self.typing[user] = name


class Ephemeral:
    """Collects notices of all rooms and writes them per tick.

    Attributes:
        waiting: what rooms have not been told yet, by room.
        reports: how many messages with open reports rooms have, as far as moderators are to be told; bounded by live rooms.
        typing: when the typing of a user ends, by room and user; bounded by users who type.
        ticking: a tick is due.
    """

    def __init__(
        self,
        rooms: Mapping[str, LiveRoom],
        scheduler: Scheduler,
        statistics: DeliveryStatistics,
        presence: PresenceKeeper,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._rooms = rooms
        self._scheduler = scheduler
        self._statistics = statistics
        self.waiting: dict[str, _Waiting] = {}
        self.reports: dict[str, int] = {}
        self.typing: dict[tuple[str, str], float] = {}
        self.ticking = False
        self.presence = presence

    def receive(self, signal: Signal) -> None:
        """Handle a signal of this node or another's."""
        room = self._rooms.get(signal.room)
        if room is None:
            return
        if signal.topic == "presence":
            self.presence.receive(signal)
        elif signal.topic == "typing":
            self._receive_typing(room, signal.key, _decode_name(signal.value))
        elif signal.topic == "read":
            self._receive_read(room, signal.key, _decode_seq(signal.value))
        elif signal.topic == "reports":
            self.reports[signal.room] = _decode_seq(signal.value)
            self._arm()

    def _receive_typing(self, room: LiveRoom, user: str, name: str | None) -> None:
        if (waiting := self._waiting_in(room)) is None:
            return
        key = room.info.id, user
        if name is not None:
            changed = key not in self.typing
            self.typing[key] = self._loop.time() + TYPING_S
        else:
            changed = self.typing.pop(key, None) is not None
        if changed:
            waiting.toggle(user, name)

    def _receive_read(self, room: LiveRoom, user: str, seq: int) -> None:
        # A pointer of another device, or a late one, may be lower: nobody may see it fall.
        if room.has_read(user, seq) and (waiting := self._waiting_in(room)) is not None:
            waiting.readers[user] = seq

    def _waiting_in(self, room: LiveRoom) -> _Waiting | None:
        """Return what a room has to tell at the next tick; None for a crowd, which is not told."""
        if room.live > CROWD:
            self._statistics.ephemeral_dropped += 1
            return None
        self._arm()
        return self.waiting.setdefault(room.info.id, _Waiting())

    def _arm(self) -> None:
        if not self.ticking:
            self.ticking = True
            self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self.ticking = False
        now = self._loop.time()
        for (name, user), ends in list(self.typing.items()):
            if ends <= now:
                del self.typing[name, user]
                self.waiting.setdefault(name, _Waiting()).toggle(user, None)
        if self._scheduler.backlog > BACKLOG:
            self._drop()
            self._arm()
            return
        for name, messages in self.reports.items():
            if (room := self._rooms.get(name)) is not None:
                tell(room, ReportsFrame(room=name, open=messages), to=Action.REVIEW)
        self.reports.clear()
        for name in list(self.waiting):
            room = self._rooms.get(name)
            waiting = self.waiting.pop(name)
            if room is not None:
                self._tell(room, waiting)
        if self.typing or self.waiting:
            self._arm()

    def _drop(self) -> None:
        """Forget what waits, except that a user stopped typing: never told, they would seem to type forever."""
        for room, waiting in list(self.waiting.items()):
            self._statistics.ephemeral_dropped += len(waiting.typing) + len(waiting.readers)
            waiting.readers.clear()
            for user in [user for user, name in waiting.typing.items() if name is not None]:
                del waiting.typing[user]
                self.typing.pop((room, user), None)  # so that the next signal is told
            if not waiting.typing:
                del self.waiting[room]

    def _tell(self, room: LiveRoom, waiting: _Waiting) -> None:
        if waiting.typing:
            told = [waiting.typing.popitem() for _ in range(min(KEYS, len(waiting.typing)))]
            on = {user: name for user, name in told if name is not None}
            tell(room, TypingFrame(room=room.info.id, on=on, off=[u for u, name in told if name is None]))
        if waiting.readers:
            readers = dict(waiting.readers.popitem() for _ in range(min(KEYS, len(waiting.readers))))
            tell(room, ReadFrame(room=room.info.id, readers=readers))
        if waiting.typing or waiting.readers:
            self.waiting[room.info.id] = waiting


def typing(room: str, user: str, name: str | None) -> Signal:
    """Return the signal that a user is typing (their name) or has stopped (None)."""
    return Signal(room, "typing", user, _encode(name))


def read(room: str, user: str, seq: int) -> Signal:
    """Return the signal that a user has read up to `seq`."""
    return Signal(room, "read", user, _encode(seq))


def reports(room: str, messages: int) -> Signal:
    """Return the signal that this many messages of a room have open reports."""
    return Signal(room, "reports", "", _encode(messages))


def tell(room: LiveRoom, frame: Frame, *, to: Action | None = None) -> None:
    """Write a frame to every live subscriber of a room; those that are behind do without.

    Args:
        to: only to those who may do this.
    """
    for encoding, audience in room.audiences.items():
        data = encoding.frame(frame)
        for subscription in tuple(audience.subscriptions):  # a copy: writing may fill a socket, and then it leaves
            if to is None or may(subscription.role, to):
                subscription.subscriber.write_now(data)
