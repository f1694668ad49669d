"""Keeps a node's keyring as the database has it, and rotates the keys that it holds.

Every node reads the keys each second (`polling.py`), so a new one is known everywhere long before it signs, and a retired one is
worth nothing within about a second.
"""

import logging

from madang.core.metrics import Metric
from madang.core.signing import Keyring, SigningKey
from madang.ports.sessions import OpenSessions
from madang.ports.signing import SigningStore

logger = logging.getLogger("madang.signing")


class Signing:
    """The keys of one node. Connections by tokens of a key that is gone are closed."""

    def __init__(self, keyring: Keyring, store: SigningStore, sessions: OpenSessions) -> None:
        self._keyring = keyring
        self._store = store
        self._sessions = sessions
        self._asked = 0
        self._taken = 0

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The keys as they were read last, oldest first."""
        return self._keyring.keys

    def metrics(self) -> list[Metric]:
        """Return how many keys there are."""
        help = "Signing keys that tokens and nodes are believed by; more than one while they are rotated."
        return [Metric("gauge", "madang_signing_keys", help, len(self._keyring.keys))]

    def asking(self) -> int:
        """Return the number of a read that begins now, for `take`."""
        self._asked += 1
        return self._asked

    async def read(self) -> None:
        """Take the keys over as they are in the database now."""
        asked = self.asking()
        self._take((await self._store.signing_keys()).keys, asked)

    async def take(self, found: tuple[SigningKey, ...], asked: int) -> None:
        """Take the keys over that the read of this number found; none if they have to be made."""
        if found:
            self._take(found, asked)
        else:
            await self.read()

    def _take(self, found: tuple[SigningKey, ...], asked: int) -> None:
        if asked < self._taken:  # a poll under way while keys are retired would let their tokens in again, for a second
            return
        self._taken = asked
        before = self._keyring.keys
        if found == before:
            return
        self._keyring.keys = found
        logger.info("signing keys: %d, was %d", len(found), len(before))
        if gone := {key.id for key in before} - {key.id for key in found}:
            self._sessions.end_signed_by(gone)

    async def rotate(self) -> SigningKey:
        """Make a key that signs soon, everywhere, beside those there are (too_many, conflict)."""
        made = await self._store.add_signing_key()
        await self.read()
        return made

    async def retire(self) -> int:
        """Forget all keys but the newest, and return how many: their tokens are worth nothing now (not_found, conflict)."""
        retired = await self._store.retire_signing_keys()
        await self.read()
        return retired
