"""Polling: every POLL_S a node reads, in one go, what others may have changed that it must know, whether the bus tells it or not.

Each kind is kept by its own service, which is handed what is new: that one of them fails keeps nothing from the others.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from madang.ports.changes import ChangeStore, Known
from madang.services.account_sessions import AccountSessions
from madang.services.erasures import Erasures
from madang.services.failures import Failures
from madang.services.profiles import Profiles
from madang.services.signing import Signing
from madang.services.users import Users

logger = logging.getLogger("madang.polling")

POLL_S: Final = 1.0


class Polling:
    """Reads what has changed, and hands it to those who keep it.

    Args:
        clock_ms: Unix milliseconds.
    """

    def __init__(
        self, store: ChangeStore, users: Users, sessions: AccountSessions, profiles: Profiles, signing: Signing,
        erasures: Erasures, clock_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._store = store
        self._users = users
        self._sessions = sessions
        self._profiles = profiles
        self._signing = signing
        self._erasures = erasures
        self._clock_ms = clock_ms
        self._failures = Failures(logger, "are not known")

    async def run(self) -> None:
        """Poll every POLL_S, until cancelled."""
        while True:
            await asyncio.sleep(POLL_S)
            with self._failures.survived("changes by other nodes"):
                await self.poll()
            self._failures.round_over()

    async def poll(self) -> None:
        """Read what has changed, and hand it on."""
        asked_ms = self._clock_ms()
        keys_asked = self._signing.asking()
        known = Known(self._users.known_ms(asked_ms), self._sessions.known, self._profiles.known)
        found = await self._store.changes(known)
        survived = self._failures.survived
        with survived("deleted users"):
            self._users.take(found.deleted, asked_ms)
        with survived("sessions that ended"):
            await self._sessions.take(found.ended)
        with survived("renamed users"):
            await self._profiles.take(found.named, asked_ms)
        with survived("signing keys"):
            await self._signing.take(found.keys, keys_asked)
        if found.erasing:
            self._erasures.wake()
