"""How fast is appended: limits of one user, of one room, and slow mode. Services charge them; `charges.py` knows what for.

Slow mode is a room's own wait per member. What a user may make in a day is in `quotas.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from madang.core.rate import Left, Rate, left
from madang.errors import Limited
from madang.services.buckets import Buckets, give_back_taken, ms, refusal, take

_SLOW: Final = 1000.0  # slow mode counts in milliseconds: this many a second


class AppendLimits:
    """The buckets of one node. `now` is loop time in seconds.

    Args:
        user: the rate of one user's appends, on all connections.
        room: the rate of appends in one room.
        shared: whether what is spent is noted for other nodes.

    Attributes:
        kinds: what nodes tell each other of, by the name that they tell it under.
        buckets: all of them.
    """

    def __init__(self, user: Rate, room: Rate, *, shared: bool = False) -> None:
        self._user = user
        self._room = room
        self._shared = shared
        self._users = Buckets()
        self._rooms = Buckets()
        self._slow = Buckets()
        self.kinds: Mapping[str, tuple[Buckets, Rate]] = {
            "user": (self._users, user), "room": (self._rooms, room), "slow": (self._slow, Rate(_SLOW, 0)),
        }  # fmt: skip
        self.buckets = (self._users, self._rooms, self._slow)

    def append(
        self, user: str, room: str, now: float, slow_ms: int = 0, *, server: bool = False, address: str = ""
    ) -> None:
        """Charge an append of a user in a room.

        A server key speaks for many, so only the room's rate applies to it. What one limit refuses, none is charged for.

        Args:
            slow_ms: the room's slow mode, if it applies to the user.
            address: whose slow mode it is besides; a guest's, because anybody may be another guest in a moment.

        Raises:
            Limited: rate_limited or slow_mode, with the longest wait.
        """
        user_rate, room_rate = self._user, self._room
        if not slow_ms and not user_rate.per_second and not room_rate.per_second:
            return
        asked = [(self._rooms.of(room, now), room_rate, 1)]
        if not server:
            asked.append((self._users.of(user, now), user_rate, 1))
        held: Sequence[str] = ()
        if slow_ms:
            held = _slow_keys(user, room, slow_ms, address)
            asked += [(self._slow.of(key, now), Rate(_SLOW, slow_ms), slow_ms) for key in held]
        waits = [bucket.take(rate, now, n) for bucket, rate, n in asked]  # `take_all`, without its call
        if wait := max(waits):
            give_back_taken(asked, waits)
            if wait in waits[len(asked) - len(held) :]:
                raise Limited("slow_mode", ms(wait))
            bucket, rate, n = asked[waits.index(wait)]
            raise refusal(bucket, rate, now, wait, n)
        if self._shared:
            self._rooms.spend(room, 1)
            if not server:
                self._users.spend(user, 1)
            for key in held:
                self._slow.spend(key, slow_ms)

    def attempt(self, user: str, now: float, *, server: bool = False) -> None:
        """Charge a user for what would append in a room, before it is known whether they may do anything there.

        The room is charged by `in_room` once that is known: a stranger must not spend what its members need.

        Raises:
            Limited: rate_limited.
        """
        if server:
            return
        take(self._users.of(user, now), self._user, now)
        if self._shared:
            self._users.spend(user, 1)

    def in_room(self, room: str, now: float) -> None:
        """Charge a room for an append of a user who was charged by `attempt` (rate_limited)."""
        take(self._rooms.of(room, now), self._room, now)
        if self._shared:
            self._rooms.spend(room, 1)

    def appends_left(self, user: str, now: float) -> Left | None:
        """Return how many appends a user has left; None for any number."""
        return left(self._users.get(user), self._user, now)

    def give_back(self, now: float, *, user: str = "", room: str = "") -> None:
        """Undo what an append was charged to its user, its room, or both."""
        for buckets, key, rate in (self._users, user, self._user), (self._rooms, room, self._room):
            if key:
                buckets.of(key, now).give_back(rate)
                if self._shared:
                    buckets.spend(key, -1)

    def give_back_slow(self, user: str, room: str, now: float, slow_ms: int, address: str = "") -> None:
        """Undo the slow mode that `append` charged: nobody has seen a message."""
        for key in _slow_keys(user, room, slow_ms, address):
            self._slow.of(key, now).give_back(Rate(_SLOW, slow_ms), slow_ms)
            if self._shared:
                self._slow.spend(key, -slow_ms)


def _slow_keys(user: str, room: str, slow_ms: int, address: str) -> list[str]:
    """Return whom slow mode in a room is charged to. No user id begins with an @."""
    return [f"{room}/{name}" for name in (user, address and f"@{address}") if slow_ms and name]
