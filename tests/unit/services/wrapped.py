"""A store of ours with one behaviour replaced: slow, failing, counting. Everything else is as in the real one."""

import asyncio
from collections.abc import Sequence
from typing import Any

from madang.errors import StorageFailed


class Wrapped:
    """Passes everything on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.go = asyncio.Event()  # for those that wait until the test says so
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class SlowPointers(Wrapped):
    """Writes read pointers when it is told to go."""

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        self.asked += 1
        await self.go.wait()
        await self.inner.set_read(pointers)


class FailingPointers(Wrapped):
    """Fails to write read pointers a few times."""

    failures = 1
    error: Exception = StorageFailed()

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise self.error
        await self.inner.set_read(pointers)
