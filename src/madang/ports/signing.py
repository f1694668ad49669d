"""Where signing keys are kept (`core.signing`). All nodes of an installation see the same ones."""

from typing import Final, Protocol

from madang.core.signing import SigningKey, SigningKeys

LEAD_MS: Final = 10_000
"""A new key verifies at once, and signs so much later: by then every node has read it."""
MAX_KEYS: Final = 4


class SigningStore(Protocol):
    """Keeps signing keys."""

    async def signing_keys(self) -> SigningKeys:
        """Return the keys, of which the first is made, of 32 random bytes, when there is none. All callers get the same."""

    async def add_signing_key(self, lead_ms: int = LEAD_MS) -> SigningKey:
        """Make a key that signs `lead_ms` from now on, by the store's clock.

        Raises:
            Refused: too_many, when there are MAX_KEYS; conflict, while a node of a version is running that knows one key only.
        """

    async def retire_signing_keys(self) -> int:
        """Forget all keys but the newest, and return how many.

        Raises:
            Refused: not_found where there is no other; conflict where the newest does not sign yet.
        """
