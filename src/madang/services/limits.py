"""The limits of one node, by what they bound: a flooder waits, and others do not notice.

Each limit is a bucket (`core.rate`), and a refusal names the longest wait: a turn behind those who were refused before.
Appends are in `append_limits.py`, commands in `command_limits.py`, newcomers in `address_limits.py`, passwords in `sign_in_limits.py`,
and what stays in the database in `quotas.py`. Here are the rates of all, and what is spent of those that hold over all nodes (`shared_limits.py`).
"""

import asyncio
import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from madang.core.metrics import Metric
from madang.core.rate import Rate
from madang.services.address_limits import AddressLimits
from madang.services.append_limits import AppendLimits
from madang.services.buckets import Buckets
from madang.services.command_limits import CommandLimits
from madang.services.quotas import NO_QUOTAS, QuotaRates, Quotas
from madang.services.sign_in_limits import SignInLimits

NEGLIGIBLE: Final = 1 / 64
SWEEP_S: Final = 15.0
"""Between two sweeps for full buckets. A rate's are full after seconds, those of a day's quota of which little was used after minutes."""
OWED_SWEEPS: Final = 40
"""Sweeps after which kilobytes that are less than a piece are forgotten: in a day, 2 MiB of the 64 that a user has."""
KINDS: Final = ("user", "room", "address", "slow", "login", "sign_in")
"""Limits that hold over all nodes."""


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """The rates in force; 0 per second means no limit."""

    connection: Rate = Rate(50, 200)  # commands of one connection
    user: Rate = Rate(10, 30)  # appends of one user, over all of their connections
    room: Rate = Rate(2000, 4000)  # appends in one room
    address: Rate = Rate(50, 500)  # handshakes and guests of one address
    handshakes: Rate = Rate(1000, 2000)  # of all addresses
    requests: Rate = Rate(100, 500)  # over HTTP, of one address
    sign_ins: Rate = Rate(2, 100)  # passwords tried from one address
    logins: Rate = Rate(1 / 60, 20)  # passwords tried for one login, from anywhere
    logins_per_address: Rate = Rate(1 / 10, 5)  # the same, from one address
    sockets_per_address: int = 500
    sockets: int = 50_000
    quotas: QuotaRates = QuotaRates()  # of what stays in the database


UNLIMITED: Final = Rates(
    connection=Rate(0, 0), user=Rate(0, 0), room=Rate(0, 0), address=Rate(0, 0), handshakes=Rate(0, 0),
    requests=Rate(0, 0), sign_ins=Rate(0, 0), logins=Rate(0, 0), logins_per_address=Rate(0, 0),
    sockets_per_address=1_000_000, sockets=1_000_000, quotas=NO_QUOTAS,
)  # fmt: skip


class Spending(msgspec.Struct, frozen=True, array_like=True):
    """What was spent of a limit that all nodes share; `kind` is one of KINDS."""

    kind: str
    key: str
    n: int  # appends or handshakes; of slow mode, milliseconds


class Limits:
    """The buckets of one node. `now` is loop time in seconds.

    Args:
        shared: whether what is spent is kept for `spent`, which is then to be called regularly.
    """

    def __init__(self, rates: Rates, *, shared: bool = False) -> None:
        self.appends = AppendLimits(rates.user, rates.room, shared=shared)
        self.commands = CommandLimits(rates.connection)
        self.addresses = AddressLimits(rates.address, rates.handshakes, rates.requests, shared=shared)
        self.sign_ins = SignInLimits(rates.sign_ins, rates.logins, rates.logins_per_address, shared=shared)
        self.quotas = Quotas(rates.quotas, shared=shared)
        self._kinds = {**self.appends.kinds, **self.addresses.kinds, **self.sign_ins.kinds}
        self._all: list[Buckets] = []
        for part in (self.appends, self.commands, self.addresses, self.sign_ins, self.quotas):
            self._all += part.buckets

    def metrics(self) -> list[Metric]:
        """Return how much is remembered."""
        kept = sum(map(len, self._all))
        return [Metric("gauge", "madang_buckets", "Users, rooms and addresses whose limits are not full.", kept)]

    async def run(self, time: Callable[[], float]) -> None:
        """Sweep every SWEEP_S, until cancelled."""
        sweeps = 0
        while True:
            await asyncio.sleep(SWEEP_S)
            for buckets in self._all:
                await buckets.sweep(time)
            sweeps += 1
            if sweeps % OWED_SWEEPS == 0:
                self.quotas.forget_owed()

    def spent(self, seconds: float, most: int) -> list[Spending]:
        """Return what was spent here since the last call, `seconds` ago: the `most` largest shares of rates, and of quotas.

        A share below a NEGLIGIBLE part of what the rate grants in that time is left out: however many nodes leave it out,
        the rate is exceeded by little.
        """

        def shares(kinds: Mapping[str, tuple[Buckets, Rate]]) -> Iterator[tuple[float, Spending]]:
            for kind, (buckets, rate) in kinds.items():
                for key, n in buckets.take_spent():
                    if rate.per_second and (share := n / rate.per_second) >= seconds * NEGLIGIBLE:
                        yield share, Spending(kind, key, n)

        # One by one: what is spent of a day's quota is a larger share than what is spent of any rate.
        every = (heapq.nlargest(most, shares(kinds), key=_share) for kinds in (self._kinds, self.quotas.kinds))
        return [spent for largest in every for _, spent in largest]

    def charge(self, spent: Spending, now: float) -> None:
        """Charge what was spent on another node. What the bucket does not have, it owes."""
        if (
            kind := self._kinds.get(spent.kind) or self.quotas.kinds.get(spent.kind)
        ) is not None:  # else of another version
            buckets, rate = kind
            if rate.per_second:
                buckets.of(spent.key, now).charge(rate, now, spent.n)


def _share(spent: tuple[float, Spending]) -> float:
    return spent[0]
