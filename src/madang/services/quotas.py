"""Quotas: how much that stays in the database a user, an address and all together may make in a day.

Rates (`limits.py`) say how fast; at ten a second one guest would still make 860,000 rooms a day. A quota is a bucket
that holds a day's worth and refills in a day: so much at once, and as much again until the same hour tomorrow. Server
keys and the server itself have none. Nothing is written down: after a restart every bucket is full, and what holds
for good is counted in the database (`ports.log`, too_many). Nodes share what was spent as they share rates
(`shared_limits.py`).

Joining the same room again and again is bounded by the hour, so that those who are away can still resume.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from madang.core.actors import Actor
from madang.core.metrics import Metric
from madang.core.rate import Bucket, Rate
from madang.errors import Limited
from madang.services.buckets import MOST, Buckets, ms, take_all

DAY_S: Final = 24 * 3600
HOUR_S: Final = 3600
PIECE: Final = 16
"""Kilobytes that are charged together."""
ALL: Final = ""
"""The key of what all users make together."""


Flow = tuple[str, str, str]
"""One bucket: the kind of quota, whose it is, and the key."""
Taken = Sequence[Flow]
"""What one thing was charged to."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """How many one user, one address and all together may make; 0 for as many as they like."""

    user: int = 0
    address: int = 0
    all: int = 0


class QuotaRates(msgspec.Struct, frozen=True, kw_only=True):
    """The quotas in force, by day; `returns` are joins of a room within an hour."""

    rooms: Quota = Quota(user=20, address=500, all=20_000)
    joins: Quota = Quota(user=300, address=10_000, all=1_000_000)
    invites: Quota = Quota(user=100, address=1_000, all=50_000)
    reactions: Quota = Quota(user=2_000, address=100_000, all=2_000_000)
    guests: Quota = Quota(address=5_000, all=200_000)
    accounts: Quota = Quota(address=200, all=20_000)
    sessions: Quota = Quota(user=50, address=2_000, all=50_000)
    returns: Quota = Quota(user=6, address=500)
    profiles: Quota = Quota(user=20, address=1_000)
    kilobytes: Quota = Quota(user=65_536, address=2_000_000)  # not in all: a few addresses would silence everybody
    memberships: int = 500  # that a user may have, for good; 0 for no limit
    owned: int = 50  # rooms that a user may own, for good


NO_QUOTAS: Final = QuotaRates(
    rooms=Quota(), joins=Quota(), invites=Quota(), reactions=Quota(), guests=Quota(), accounts=Quota(), sessions=Quota(), returns=Quota(),
    profiles=Quota(), kilobytes=Quota(), memberships=0, owned=0,
)  # fmt: skip
WHAT: Final = {
    "rooms": "rooms made",
    "joins": "rooms joined",
    "invites": "invites made",
    "reactions": "reactions",
    "guests": "new guests",
    "accounts": "new accounts",
    "sessions": "sign-ins",
    "returns": "joins of this room",
    "profiles": "changes of the profile",
    "kilobytes": "kilobytes of messages and changes",
}
"""The kinds of quota, and what each counts."""
_WHOSE: Final = {"user": "of one user", "address": "from one address", "all": "of all users"}


class Quotas:
    """The quotas of one node. `now` is loop time in seconds.

    Args:
        shared: whether what is spent is noted for other nodes.

    Attributes:
        kinds: what nodes tell each other of, by the name that they tell it under.
        buckets: all of them.
        owed: kilobytes of users that are not charged yet, at most MOST users'.
        refused: how often each quota has refused something.
    """

    def __init__(self, quotas: QuotaRates, *, shared: bool = False) -> None:
        self.rates = quotas
        self._shared = shared
        self._buckets: dict[tuple[str, str], tuple[Buckets, Rate]] = {}
        for kind in WHAT:
            quota: Quota = getattr(quotas, kind)
            seconds = HOUR_S if kind == "returns" else DAY_S
            for whose in _WHOSE:
                if most := getattr(quota, whose):
                    self._buckets[kind, whose] = Buckets(), Rate(most / seconds, most)
        self.kinds: Mapping[str, tuple[Buckets, Rate]] = {"/".join(name): held for name, held in self._buckets.items()}
        self.buckets = [buckets for buckets, _ in self._buckets.values()]
        mosts = [most for most in (quotas.kilobytes.user, quotas.kilobytes.address, quotas.kilobytes.all) if most]
        self._piece = max(1, min(*mosts, 64 * PIECE) // 64) if mosts else 0
        self.owed: dict[str, int] = {}
        self.refused: Counter[str] = Counter(dict.fromkeys(WHAT, 0))

    def metrics(self) -> list[Metric]:
        """Return what was refused, by quota."""
        text = "Commands and requests refused because a quota was used up, by what it counts."
        return [
            Metric("counter", "madang_quota_refusals", text, n, ("quota", kind)) for kind, n in self.refused.items()
        ]

    def take(self, kind: str, actor: Actor, now: float) -> Taken:
        """Charge something that an actor is about to make (quota, with the wait), and return what `give_back` puts back.

        What one quota refuses, none is charged for.
        """
        flows = self.flows(kind, actor)
        self._take(kind, flows, now)
        return flows

    def take_bytes(self, actor: Actor, size: int, now: float) -> None:
        """Charge an event of this size by the kilobytes begun, because a row has its price, too (quota).

        Every message comes here, so a user is charged by the piece: that takes 0.4 µs, and each one by itself 3.
        """
        if actor.server or not self._piece:
            return
        owed = self.owed.get(actor.id, 0) + 1 + size // 1024
        if owed >= self._piece:
            self._take("kilobytes", self.flows("kilobytes", actor), now, owed)
            owed = 0
        if len(self.owed) >= MOST:
            self.owed.clear()  # they have sent less than a piece each
        self.owed[actor.id] = owed

    def forget_owed(self) -> None:
        """Forget what users owe that is less than a piece: who has sent nothing since owes it no longer."""
        self.owed = {}

    def give_back_bytes(self, user: str, size: int) -> None:
        """Undo `take_bytes` for an event of this size that was refused after all. It counts for the next piece."""
        if self._piece:
            self.owed[user] = self.owed.get(user, 0) - 1 - size // 1024

    def take_guest(self, address: str, now: float) -> None:
        """Charge a new guest to an address (quota)."""
        self._take("guests", self._flows("guests", "", address), now)

    def take_join(self, actor: Actor, room: str, now: float) -> Taken:
        """Charge a join that makes a membership, to the day and to the room's hour (quota). Return what it took, as `take`.

        Only a user who joined the room a moment ago is charged to the hour of their address: a class that comes in together
        is no trouble, and one address that goes in and out is.
        """
        day = self.take("joins", actor, now)
        hour = self._returns(actor, room, now)
        try:
            self._take("returns", hour, now)
        except Limited:
            self.give_back(day, now)
            raise
        return (*day, *hour)

    def give_back(self, taken: Taken, now: float) -> None:
        """Put back what was taken for something that was refused after all."""
        for flow in taken:
            bucket, rate = self._bucket(flow, now)
            bucket.give_back(rate)
            if self._shared:
                self._buckets[flow[0], flow[1]][0].spend(flow[2], -1)

    def flows(self, kind: str, actor: Actor) -> Taken:
        """Return what an actor pays one of a kind from. A server key pays nothing."""
        return [] if actor.server else self._flows(kind, actor.id, actor.address)

    def _flows(self, kind: str, user: str, address: str) -> list[Flow]:
        keys = {"user": user, "address": address, "all": ALL}
        return [
            (kind, whose, key)
            for whose, key in keys.items()
            if (key or whose == "all") and (kind, whose) in self._buckets
        ]

    def _returns(self, actor: Actor, room: str, now: float) -> Taken:
        if actor.server:
            return []
        flows = self._flows("returns", f"{room}/{actor.id}", f"{room}/{actor.address}" if actor.address else "")
        if not flows or flows[0][1] != "user":
            return []
        return flows[:1] if self._bucket(flows[0], now)[0].idle(now) else flows

    def _bucket(self, flow: Flow, now: float) -> tuple[Bucket, Rate]:
        kind, whose, key = flow
        buckets, rate = self._buckets[kind, whose]
        return buckets.of(key, now), rate

    def _take(self, what: str, flows: Taken, now: float, n: int = 1) -> None:
        waits = take_all([(*self._bucket(flow, now), n) for flow in flows], now)
        if wait := max(waits, default=0.0):
            self.refused[what] += 1
            whose = _WHOSE[flows[waits.index(wait)][1]]
            span = "an hour" if what == "returns" else "a day"
            raise Limited(
                "quota",
                ms(wait),
                f"Too many {WHAT[what]} {whose} within {span}. Wait {_shown(wait)}.",
            )
        if self._shared:
            for kind, whose, key in flows:
                self._buckets[kind, whose][0].spend(key, n)


def _shown(seconds: float) -> str:
    """Return a wait for people to read."""
    if seconds < 90:
        return f"{int(seconds) + 1} s"
    if seconds < 90 * 60:
        return f"{int(seconds / 60) + 1} min"
    return f"{int(seconds / 3600) + 1} h"
