"""Many writes in one request, each with a result of its own: what the engine has no room for now is sent again, alone.

Every write but one is conditional, by a version or by the place that the document had. So it may be sent twice, late or out of order;
409 says that somebody was there before, who knew at least as much. The one is that which erases: of what is found no more (`tidying.py`).
"""

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from madang.adapters.opensearch.alias import MISSING, Alias
from madang.adapters.opensearch.engine import LINES, WRITE_S, EngineRefused
from madang.errors import StorageFailed

BYTES: Final = 4 << 20
"""Of one request, or a single write if that is longer."""
WRITES: Final = 1_000
TRIES: Final = 6
FIRST_WAIT_S: Final = 0.1
"""After a rejection; twice as long after each further one, and up to half as long again by chance."""
CONFLICT: Final = 409
MALFORMED: Final = 400
_LATER: Final = frozenset({429, 503})
_DONE: Final = frozenset({200, 201, 404, CONFLICT, MALFORMED})
_ASKED: Final = (
    "_bulk?require_alias=true&filter_path=items.*.status,items.*._seq_no,items.*._primary_term,items.*.error"
)


class Problem(msgspec.Struct, frozen=True):
    """Why a write was not done."""

    type: str = ""
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.type}: {self.reason or ''}".rstrip(" :")[:300]


class Result(msgspec.Struct, frozen=True):
    """What became of a write: done (200, 201), nothing to delete (404), CONFLICT or MALFORMED."""

    status: int
    seq_no: int = msgspec.field(default=-1, name="_seq_no")
    term: int = msgspec.field(default=0, name="_primary_term")
    error: Problem | None = None

    @property
    def done(self) -> bool:
        """Whether it was done."""
        return self.status in (200, 201)


class _Bulk(msgspec.Struct):
    items: list[dict[str, Result]] = []


_bulk: Final = msgspec.json.Decoder(_Bulk)


class Counted:
    """What is counted of writes."""

    def __init__(self) -> None:
        self.again = 0
        """Writes sent again, because the engine had no room for them."""
        self.set_aside = 0
        """Messages that the engine refuses to index."""


async def write(alias: Alias, writes: Sequence[bytes], counted: Counted) -> list[Result]:
    """Do some writes, each a line or two of `_bulk`; return what became of each.

    Raises:
        StorageFailed: some are not done, because the engine is down, full, or has had no room for them for a while.
    """
    results: list[Result] = []
    for chunk in _chunks(writes):
        results += await _write(alias, chunk, counted)
    return results


def _chunks(writes: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for each in writes:
        if chunk and (size + len(each) > BYTES or len(chunk) == WRITES):
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += len(each)
    if chunk:
        yield chunk


async def _write(alias: Alias, writes: list[bytes], counted: Counted) -> list[Result]:
    results: dict[int, Result] = {}
    left = list(range(len(writes)))
    for tried in range(TRIES):
        if tried:
            counted.again += len(left)
            await asyncio.sleep(FIRST_WAIT_S * 2 ** (tried - 1) * (1 + random.random() / 2))  # noqa: S311  # no secret
        left = await _try(alias, writes, left, results)
        if not left:
            return [results[n] for n in range(len(writes))]
    raise StorageFailed(f"{alias.engine.name} has no room for {len(left)} writes now.")


async def _try(alias: Alias, writes: list[bytes], which: list[int], results: dict[int, Result]) -> list[int]:
    """Send some of the writes, and note their results; return those that are to be sent again."""
    try:
        items = (await alias.ask(_bulk, _ASKED, b"".join(writes[n] for n in which), within=WRITE_S, kind=LINES)).items
    except EngineRefused as error:
        if error.status in _LATER:
            return which
        raise
    if len(items) != len(which):
        raise StorageFailed(f"{alias.engine.name} answered {len(items)} of {len(which)} writes.")
    again = []
    for n, item in zip(which, items, strict=True):
        (result,) = item.values()
        if result.status in _LATER and not _blocked(result):
            again.append(n)
        elif result.status in _DONE and (result.error is None or result.error.type != MISSING):
            results[n] = result
        else:
            if result.error is not None and result.error.type == MISSING:
                alias.lost()
            raise StorageFailed(f"{alias.engine.name} does not write: {result.status} {result.error or ''}.")
    return again


def _blocked(result: Result) -> bool:
    """Return whether the index may not be written to, which lasts: its disk is full, say."""
    return result.error is not None and result.error.type == "cluster_block_exception"
