"""What issuers say of their users, kept as the users' profiles: on first sight, and again whenever a newer token says otherwise.

A sign-in waits for none of this, and costs a look-up in memory: what is new is written soon, many users at a time. Of two tokens
the one that ends later is the newer, whatever node they are shown to; so a device that still has an older one changes nothing back.
"""

import asyncio
import logging
from itertools import islice
from typing import Final

from madang.core.metrics import Metric
from madang.ports.profiles import ProfileStore, Said
from madang.services.failures import Failures
from madang.services.profiles import Profiles

logger = logging.getLogger("madang.profiles")

PAUSE_S: Final = 0.2
WRITTEN: Final = 500
"""Users in one transaction."""
MOST: Final = 200_000
"""Tokens whose words are known, 60 bytes each: above half of that another generation begins. Likewise users who may wait."""


class Vouching:
    """Keeps what issuers say."""

    def __init__(self, store: ProfileStore, profiles: Profiles) -> None:
        self._store = store
        self._profiles = profiles
        self._known: set[int] = set()  # by hash, in two generations
        self._known_before: set[int] = set()
        self._waiting: dict[str, Said] = {}
        self._untold: set[str] = set()
        self._came = asyncio.Event()

    def metrics(self) -> list[Metric]:
        """Return how many wait."""
        help = "Outside users whose names and pictures are not written yet, or not told."
        return [Metric("gauge", "madang_users_vouched", help, len(self._waiting) + len(self._untold))]

    def met(self, said: Said) -> None:
        """Take note of what a token says of its user. What it has said before costs one look-up."""
        key = hash(said)
        if key in self._known or key in self._known_before or (said.name is None and said.picture is None):
            return
        if len(self._known) >= MOST // 2:
            self._known_before, self._known = self._known, set()
        before = self._waiting.get(said.user)
        if len(self._waiting) < MOST and (before is None or before.until_ms < said.until_ms):
            self._known.add(key)
            self._waiting[said.user] = said
            self._came.set()

    async def picture(self, user: str) -> str:
        """Return a user's picture, also one that is not written yet; "" for none."""
        said = self._waiting.get(user)
        if said is not None and said.picture is not None:
            return said.picture
        return (await self._store.profile(user)).picture

    async def run(self) -> None:
        """Write what is new and tell rooms of what has changed, until cancelled. What fails is tried again."""
        failures = Failures(logger, "is not kept")
        while True:
            await self._came.wait()
            self._came.clear()
            with failures.survived("what issuers say"):
                await self._write()
            for user in list(self._untold):
                with failures.survived(user):
                    await self._profiles.vouched(user)
                    self._untold.discard(user)
            failures.round_over()
            if self._waiting or self._untold:
                self._came.set()
            await asyncio.sleep(PAUSE_S)

    async def _write(self) -> None:
        some = dict(islice(self._waiting.items(), WRITTEN))
        self._untold.update(await self._store.keep_said(list(some.values())))
        for user, said in some.items():
            if self._waiting.get(user) is said:
                del self._waiting[user]
