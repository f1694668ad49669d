"""One search in an engine: the request, and the documents in its answer, or as much of each as is asked for."""

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.engine import WRITE_S
from madang.errors import StorageFailed

S = TypeVar("S")
_ALL_OR_NOTHING: Final = "_search?allow_partial_search_results=false"


class _Hit(msgspec.Struct, Generic[S]):
    source: S = msgspec.field(name="_source")


class _Hits(msgspec.Struct, Generic[S]):
    hits: list[_Hit[S]]


class Answer(msgspec.Struct, Generic[S]):
    """What the engine answers; S is a document, with the fields that were asked for."""

    hits: _Hits[S]
    timed_out: bool = False


async def search(
    alias: Alias, answer: msgspec.json.Decoder[Answer[S]], filters: Sequence[Any], size: int, *,
    within: float | None = WRITE_S, **more: Any,
) -> list[S]:  # fmt: skip
    """Return the documents that match all filters, `size` at the most. What was written since the last refresh is not seen.

    Args:
        more: of the request: `sort`, the fields in `_source`, a `timeout` of the engine's.

    Raises:
        StorageFailed: no answer, not a whole one, or not in time.
    """
    body = {"query": {"bool": {"filter": list(filters)}}, "size": size, "track_total_hits": False, **more}
    found = await alias.ask(answer, _ALL_OR_NOTHING, msgspec.json.encode(body), within=within)
    if found.timed_out:
        raise StorageFailed(f"{alias.engine.name} did not come to an end in {more.get('timeout', 'time')}.")
    return [hit.source for hit in found.hits.hits]
