"""Servers that lose what was written in papers, though they called it saved."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from madang.adapters.sql import Store
from madang.core.documents import EMPTY
from madang.core.papers import Paper, Update

EVERY: Final = 10


def forgets_updates() -> None:
    """Of some updates nothing is stored but their number."""
    append, count = Store.append_updates, itertools.count(1)

    async def forgetful(self: Any, updates: Sequence[Update]) -> Any:
        kept = [msgspec.structs.replace(each, data=EMPTY) if next(count) % EVERY == 0 else each for each in updates]
        return await append(self, kept)

    Store.append_updates = forgetful  # type: ignore[method-assign]


def no_snapshot() -> None:
    """The log of a paper is let go, and the snapshot in its place says nothing."""
    compact = Store.compact_paper

    async def empty(self: Any, paper: Paper, upto: int, snapshot: bytes) -> bool:
        return await compact(self, paper, upto, EMPTY)

    Store.compact_paper = empty  # type: ignore[method-assign]


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    f.__name__.replace("_", "-"): f for f in (forgets_updates, no_snapshot)
}
