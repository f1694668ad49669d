"""What was typed and is not stored yet: sent one after the other, shown while it waits, and never dropped in silence."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from madang.client import Refused

SOON_S: Final = 1.0
"""A line that is not stored by then is shown as waiting."""
MOST: Final = 1000
"""Lines that wait; beyond them no more are taken from a pipe."""


class Line(NamedTuple):
    """One line.

    Attributes:
        text: as it was typed.
        send: sends it, and returns when it is stored (Refused).
    """

    text: str
    send: Callable[[], Awaitable[object]]


class Outgoing:
    """The lines of one session, in order.

    Args:
        waits: called with a line that waits.
        refused: called with a line that the server does not take.
    """

    def __init__(self, waits: Callable[[str], None], refused: Callable[[str, Refused], None]) -> None:
        self._waits = waits
        self._refused = refused
        self._lines: deque[Line] = deque()
        self._stuck = False
        self._changed = asyncio.Condition()

    @property
    def unsent(self) -> list[str]:
        """The lines that are not known to be stored, oldest first."""
        return [line.text for line in self._lines]

    async def add(self, line: Line) -> None:
        """Take a line; waits while MOST wait already."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._lines) < MOST)
            self._lines.append(line)
            self._changed.notify_all()
        if self._stuck:
            self._waits(line.text)

    async def emptied(self) -> None:
        """Return when every line is stored or refused."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._lines)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._lines))
            line = self._lines[0]
            try:
                await self._send(line)
            except Refused as refused:
                self._refused(line.text, refused)
            async with self._changed:
                self._lines.popleft()
                self._changed.notify_all()

    async def _send(self, line: Line) -> None:
        sending = asyncio.ensure_future(line.send())
        try:
            done, _ = await asyncio.wait({sending}, timeout=SOON_S)
            if not done and not self._stuck:
                self._stuck = True
                for waiting in self.unsent:
                    self._waits(waiting)
            await sending
            self._stuck = False
        finally:
            sending.cancel()
