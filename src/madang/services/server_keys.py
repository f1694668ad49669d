"""Server keys, looked up by their id and remembered for a moment, so that a request with one is no read of the database.

A key that is dropped is worth nothing at once on the node that drops it, and within KEPT_S on the others. That there is no
key of an id is remembered, too.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

from madang.aio import NextFlight
from madang.ports.directory import Directory, ServerKey

KEPT_S: Final = 1.0
MOST: Final = 1_000  # ids remembered; above that all are forgotten
_WRITTEN: Final = re.compile(r"mk_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


class ServerKeys:
    """The keys of an installation, as one node knows them.

    Args:
        time: loop time.
    """

    def __init__(self, directory: Directory, time: Callable[[], float]) -> None:
        self._directory = directory
        self._time = time
        self._found: dict[str, tuple[ServerKey | None, float]] = {}
        self._flights: NextFlight[ServerKey | None] = NextFlight()
        self._changes = 0  # keys added or dropped here

    async def of(self, text: str) -> ServerKey | None:
        """Return the key whose text this is, or None."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            return None
        id = written[1]
        while not self._is_fresh(id):
            changes = self._changes
            key = await self._flights.do(id, lambda: self._directory.key(id))
            if changes == self._changes:  # otherwise it may have been read before it was dropped
                if len(self._found) >= MOST:
                    self._found.clear()
                self._found[id] = key, self._time() + KEPT_S
        return self._if_right(id, written[2])

    def holds(self, text: str) -> bool:
        """Return whether a text is that of a key, if that is known without asking the database."""
        written = _WRITTEN.fullmatch(text)
        return written is not None and self._is_fresh(written[1]) and self._if_right(written[1], written[2]) is not None

    def forget(self, id: str) -> None:
        """Look a key up again, because it was added or dropped."""
        self._changes += 1
        self._found.pop(id, None)

    def _is_fresh(self, id: str) -> bool:
        return id in self._found and self._time() < self._found[id][1]

    def _if_right(self, id: str, secret: str) -> ServerKey | None:
        key, _ = self._found[id]
        digest = hashlib.sha256(secret.encode()).hexdigest()
        return key if hmac.compare_digest(digest, key.hash if key else "") else None
