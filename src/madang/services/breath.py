"""Breath: lets others have their turn while one task looks through much text, or folds it. What for is its caller's."""

import asyncio
from typing import Final

BREATH: Final = 8_000
"""Characters between two breaths: up to 1 ms, and as much more as one message takes."""
EACH: Final = 20
"""Characters that a text counts for besides its own."""


class Breath:
    """How far one task is from its next breath."""

    def __init__(self) -> None:
        self._left = BREATH

    async def take(self, text: str) -> str:
        """Return a text that is worked on next."""
        self._left -= len(text) + EACH
        if self._left <= 0:
            self._left = BREATH
            await asyncio.sleep(0)
        return text
