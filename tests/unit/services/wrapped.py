"""A store of ours with one behaviour replaced: slow, failing, counting. Everything else is the real one's."""

import asyncio
from typing import Any


class Wrapped:
    """Passes everything on."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.go = asyncio.Event()  # for those that wait until the test says so
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)
