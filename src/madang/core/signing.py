"""Signing keys: what tokens of users and envelopes of nodes are signed with, and which of several signs now.

Of each stored secret four keys are made, for tokens, for connection tickets, for pids (`services.recovery`) and for the bus
(`adapters.bus.envelopes`); none tells anything of another.
While keys are rotated there are several: all of them verify, and the newest whose time has come signs.
Where they are kept: `ports.signing`. Who reads them again and again: `services.signing`.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

FIRST: Final = ""
"""The id of the key of versions that knew one only. Tokens that it signed name no key, and it is not derived: both as then."""


class SigningKey(msgspec.Struct, frozen=True):
    """One key.

    Attributes:
        id: FIRST, or digits; tokens name it.
        secret: 16 to 64 random bytes.
        from_ms: it signs from then on, and verifies before, too; Unix milliseconds by the database's clock.
    """

    id: str
    secret: bytes
    from_ms: int = 0

    def for_tokens(self) -> bytes:
        """Return the key that signs tokens."""
        return self.secret if self.id == FIRST else hashlib.blake2b(b"madang token", key=self.secret).digest()[:32]

    def for_tickets(self) -> bytes:
        """Return the key that signs connection tickets: no ticket can be a token, nor a token a ticket."""
        return hashlib.blake2b(b"madang ticket", key=self.secret).digest()[:32]

    def for_pids(self) -> bytes:
        """Return the key that signs what Socket.IO clients come back with: neither a token nor a ticket."""
        return hashlib.blake2b(b"madang pid", key=self.secret).digest()[:32]

    def for_envelopes(self, epoch: bytes) -> bytes:
        """Return the key that signs what nodes tell each other; another one after each restore."""
        return hashlib.blake2b(b"madang bus" + epoch, key=self.secret, digest_size=32).digest()


class SigningKeys(msgspec.Struct, frozen=True):
    """The keys of an installation.

    Attributes:
        name: of the installation, for channels and keys at a broker; it stays, and tells nothing of any secret.
        lasting: a secret that stays, for hashes that are stored.
        keys: oldest first, at least one.
    """

    name: str
    lasting: bytes
    keys: tuple[SigningKey, ...]


def name_of(secret: bytes) -> str:
    """Return the name of an installation whose first secret this is."""
    return hashlib.blake2b(b"madang name", key=secret, digest_size=6).hexdigest()


class Keyring:
    """The keys as one node knows them.

    Args:
        clock_ms: Unix milliseconds by the database's clock.
    """

    def __init__(self, known: SigningKeys, clock_ms: Callable[[], int]) -> None:
        self.name = known.name
        self.lasting = known.lasting
        self.keys = known.keys
        self._clock_ms = clock_ms

    def now_ms(self) -> int:
        """Return Unix milliseconds by the database's clock."""
        return self._clock_ms()

    def current(self) -> SigningKey:
        """Return the key that signs now."""
        if len(self.keys) == 1:
            return self.keys[0]
        now_ms = self._clock_ms()
        return next((key for key in reversed(self.keys) if key.from_ms <= now_ms), self.keys[0])


def lone_keyring(secret: bytes) -> Keyring:
    """Return a ring of one key, which signs always, of an installation that is in no database."""
    return Keyring(SigningKeys(name_of(secret), secret, (SigningKey(FIRST, secret),)), lambda: 0)
