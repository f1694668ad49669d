"""Server keys, looked up by their id and remembered for a moment, so that a request with one does not read the database.

A key that is dropped is worth nothing at once on the node that drops it, and within KEPT_S on the others; one that has an end
is worth nothing from then on, by each node's own clock. That there is no key of an id is remembered, too.

A key is `mk_<id>_<secret>`, and only a hash of it is kept: 256 random bits need no slow one. What a key is limited to is hashed
with its secret, so that a node of a version before limits, which would not keep to them, does not know such a key at all.
"""

import asyncio
import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable
from typing import Final

from madang.aio import NextFlight
from madang.ports.directory import Directory, ServerKey
from madang.ports.sessions import OpenSessions
from madang.services.failures import Failures

logger = logging.getLogger("madang.keys")

KEPT_S: Final = 0.5
POLL_S: Final = 0.5  # between two looks at keys by whose tokens connections speak
MOST: Final = 1_000  # ids remembered; above that all are forgotten
BEGINS: Final = "mk_"
_WRITTEN: Final = re.compile(r"mk_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


class ServerKeys:
    """The keys of an installation, as one node knows them.

    Args:
        time: loop time.
        clock_ms: Unix milliseconds, by which keys end.
        sessions: of which those are closed whose tokens a key made that is gone, or has ended.
    """

    def __init__(
        self, directory: Directory, time: Callable[[], float], clock_ms: Callable[[], int], sessions: OpenSessions
    ) -> None:
        self._directory = directory
        self._time = time
        self._clock_ms = clock_ms
        self._found: dict[str, tuple[ServerKey | None, float]] = {}
        self._flights: NextFlight[ServerKey | None] = NextFlight()
        self._changes = 0  # keys added or dropped here
        self._sessions = sessions

    async def of(self, text: str) -> ServerKey | None:
        """Return the key whose text this is, or None."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            return None
        await self.look_up(written[1])
        return self._if_right(written[1], written[2])

    async def look_up(self, id: str) -> ServerKey | None:
        """Return the key of an id, which may have ended; it is remembered for a moment."""
        while not self._is_fresh(id):
            changes = self._changes
            key = await self._flights.do(id, lambda: self._directory.key(id))
            if changes == self._changes:  # otherwise it may have been read before it was dropped
                if len(self._found) >= MOST:
                    self._found.clear()
                self._found[id] = key, self._time() + KEPT_S
        return self._found[id][0]

    def in_force(self, id: str) -> bool | None:
        """Return whether there is a key of an id, and it has not ended; None where that is not known at once."""
        if not self._is_fresh(id):
            return None
        key, _ = self._found[id]
        return key is not None and not self._has_ended(key)

    def _has_ended(self, key: ServerKey) -> bool:
        return key.expires_ms is not None and key.expires_ms <= self._clock_ms()

    async def run(self) -> None:
        """Look again and again, until cancelled, at the keys by whose tokens connections speak."""
        failures = Failures(logger, "is not looked at again, by whose tokens there are connections")
        while True:
            await asyncio.sleep(POLL_S)
            for id in list(self._sessions.makers()):
                with failures.survived(f"server key {id}"):
                    await self.look_up(id)
                    if not self.in_force(id):
                        self._sessions.end_made_by({id})
            failures.round_over()

    def holds(self, text: str) -> bool:
        """Return whether a text is that of a key, if that is known without asking the database."""
        written = _WRITTEN.fullmatch(text)
        return written is not None and self._is_fresh(written[1]) and self._if_right(written[1], written[2]) is not None

    def make(self, label: str, scopes: str | None, now_ms: int, expires_ms: int | None) -> tuple[ServerKey, str]:
        """Return a new key, which is not kept yet, and its text."""
        id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        hash = _digest(secret, scopes, expires_ms)
        return ServerKey(id, label, hash, now_ms, scopes, expires_ms), f"{BEGINS}{id}_{secret}"

    def forget(self, id: str) -> None:
        """Look a key up again, because it was added or dropped."""
        self._changes += 1
        self._found.pop(id, None)

    def end(self, id: str) -> None:
        """Forget a key that was dropped, and close the connections that speak by its tokens."""
        self.forget(id)
        self._sessions.end_made_by({id})

    def _is_fresh(self, id: str) -> bool:
        return id in self._found and self._time() < self._found[id][1]

    def _if_right(self, id: str, secret: str) -> ServerKey | None:
        key, _ = self._found[id]
        digest = _digest(secret, key.scopes if key else None, key.expires_ms if key else None)
        if key is None or not hmac.compare_digest(digest, key.hash):
            return None
        return None if self._has_ended(key) else key


def _digest(secret: str, scopes: str | None, expires_ms: int | None) -> str:
    if scopes is not None or expires_ms is not None:
        secret = f"{secret} {scopes} {expires_ms}"
    return hashlib.sha256(secret.encode()).hexdigest()
