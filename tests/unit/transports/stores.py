"""A store that does as the test says, around a real one."""

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.unit.services.wrapped import Wrapped


class Gated(Wrapped):
    """A store that appends, reads pages of messages, and notes tickets, when the test says so."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self.go.set()
        self.pages = asyncio.Event()
        self.pages.set()
        self.tickets = asyncio.Event()
        self.tickets.set()
        self.failing: Exception | None = None

    async def append(self, drafts: Sequence[Any]) -> Any:
        self.asked += 1
        await self.go.wait()
        return await self.inner.append(drafts)

    async def use_tickets(self, tickets: Sequence[Any]) -> Any:
        await self.tickets.wait()
        return await self.inner.use_tickets(tickets)

    async def messages(self, *args: Any, **more: Any) -> Any:
        await self.pages.wait()
        if self.failing is not None:
            raise self.failing
        return await self.inner.messages(*args, **more)
