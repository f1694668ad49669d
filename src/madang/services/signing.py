"""Keeps a node's keyring as the database has it, and rotates the keys that it holds.

Every node reads the keys each POLL_S, so a new one is known everywhere long before it signs, and a retired one is worth
nothing within about a second.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from madang.core.metrics import Metric
from madang.core.signing import Keyring, SigningKey
from madang.errors import StorageError
from madang.ports.signing import SigningStore

logger = logging.getLogger("madang.signing")

POLL_S: Final = 1.0


class Signing:
    """The keys of one node.

    Attributes:
        on_retired: called with the ids of keys that are gone; ends the connections of those who came with their tokens.
    """

    def __init__(self, keyring: Keyring, store: SigningStore) -> None:
        self._keyring = keyring
        self._store = store
        self.on_retired: Callable[[set[str]], None] = lambda keys: None

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """The keys as they were read last, oldest first."""
        return self._keyring.keys

    def metrics(self) -> list[Metric]:
        """Return how many keys there are."""
        help = "Signing keys that tokens and nodes are believed by; more than one while they are rotated."
        return [Metric("gauge", "madang_signing_keys", help, len(self._keyring.keys))]

    async def run(self) -> None:
        """Read the keys again and again until cancelled."""
        failing = False
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self.read()
                failing = False
            except StorageError as error:
                if not failing:
                    logger.warning("the signing keys are not read again: %s", error)
                failing = True

    async def read(self) -> None:
        """Take the keys over as they are in the database now."""
        before, found = self._keyring.keys, (await self._store.signing_keys()).keys
        if found == before:
            return
        self._keyring.keys = found
        logger.info("signing keys: %d, was %d", len(found), len(before))
        if gone := {key.id for key in before} - {key.id for key in found}:
            self.on_retired(gone)

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
