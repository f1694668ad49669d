"""Lists that come in pages: the next one is asked for when all of the last has been read. What is asked is each list's own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar


class Page(Protocol):
    """A page of a list."""

    @property
    def more(self) -> bool:
        """Whether there may be another one behind it."""


K = TypeVar("K")
P = TypeVar("P", bound=Page)
T = TypeVar("T")


async def walked(
    start: K, ask: Callable[[K], Awaitable[P]], items: Callable[[P], Sequence[T]], place: Callable[[T], K]
) -> AsyncIterator[T]:
    """Yield all items, page after page.

    Args:
        start: where the first page begins.
        ask: returns the page that begins there.
        items: what it has, in the order of the list.
        place: where the page behind an item begins.
    """
    at, more = start, True
    while more:
        page = await ask(at)
        found = items(page)
        for each in found:
            yield each
        more = page.more and bool(found)
        if found:
            at = place(found[-1])
