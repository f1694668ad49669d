"""What is paid for beyond one command each: by the connection, by all that a user does, and by all of an address.

What a command costs is in `core.costs`. Each connection pays out of its own rate. Since one person may have many
connections, and one address many people, what their commands cost beyond one each is limited for them together, too.
"""

from typing import Final

from madang.core.rate import Bucket, Rate
from madang.services.buckets import Buckets, refusal, take_all

OF_USER: Final = 2
"""Rates of a connection that a user may spend on what costs more than a command, on all connections."""
OF_ADDRESS: Final = 20
"""The same of an address: 5 % of the processor's time at the usual rate of 50 commands a second."""


class Work:
    """The buckets of users and addresses. `now` is loop time in seconds.

    Args:
        connection: the rate of a connection, in commands.

    Attributes:
        buckets: all of them.
    """

    def __init__(self, connection: Rate) -> None:
        self._connection = connection
        self._user = _times(OF_USER, connection)
        self._address = _times(OF_ADDRESS, connection)
        self._users = Buckets()
        self._addresses = Buckets()
        self.buckets = (self._users, self._addresses)

    def take(self, bucket: Bucket, n: int, extra: int, user: str, address: str, now: float) -> None:
        """Take `n` commands from a connection, and `extra` from its user and its address; an empty name pays nothing.

        What costs more than a bucket ever holds needs a full one. What one refuses, none is charged for.

        Raises:
            Limited: rate_limited, with the longest wait.
        """
        if not self._connection.per_second:
            return
        asked = self._asked(bucket, n, extra, user, address, now)
        waits = take_all(asked, now)
        if wait := max(waits):
            payer, rate, wanted = asked[waits.index(wait)]
            raise refusal(payer, rate, now, wait, wanted)

    def give_back(self, bucket: Bucket, n: int, extra: int, user: str, address: str, now: float) -> None:
        """Undo `take` for work that was not done."""
        for payer, rate, taken in self._asked(bucket, n, extra, user, address, now):
            payer.give_back(rate, taken)

    def owe(self, bucket: Bucket, n: int, user: str, address: str, now: float) -> None:
        """Charge `n` commands to all of them, whether they are there or not: the work has been done."""
        if self._connection.per_second:
            for payer, rate, owed in self._payers(bucket, n, n, user, address, now):
                payer.charge(rate, now, owed)

    def _asked(
        self, bucket: Bucket, n: int, extra: int, user: str, address: str, now: float
    ) -> list[tuple[Bucket, Rate, int]]:
        payers = self._payers(bucket, n, extra, user, address, now)
        return [(payer, rate, min(wanted, rate.burst)) for payer, rate, wanted in payers]

    def _payers(
        self, bucket: Bucket, n: int, extra: int, user: str, address: str, now: float
    ) -> list[tuple[Bucket, Rate, int]]:
        payers = [(bucket, self._connection, n)]
        if user:
            payers.append((self._users.of(user, now), self._user, extra))
        if address:
            payers.append((self._addresses.of(address, now), self._address, extra))
        return payers


def _times(many: int, rate: Rate) -> Rate:
    return Rate(many * rate.per_second, many * rate.burst)
