"""The seqs of all documents that some filters select, a thousand at a time."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.engine import WRITE_S

AT_ONCE: Final = 1_000


class _Source(msgspec.Struct):
    seq: int


class _Hit(msgspec.Struct):
    source: _Source = msgspec.field(name="_source")


class _Hits(msgspec.Struct):
    hits: list[_Hit]


class _Answer(msgspec.Struct):
    hits: _Hits
    timed_out: bool = False


_answer: Final = msgspec.json.Decoder(_Answer)


async def select(alias: Alias, filters: Sequence[Any]) -> AsyncIterator[list[int]]:
    """Yield seqs, descending. What was written since the last refresh is not seen."""
    below: dict[str, Any] = {}
    while True:
        wanted = [*filters, {"range": {"seq": below}}] if below else filters
        body = {
            "query": {"bool": {"filter": wanted}}, "sort": [{"seq": "desc"}], "size": AT_ONCE, "track_total_hits": False,
            "_source": ["seq"],
        }  # fmt: skip
        asked = "_search?allow_partial_search_results=false"
        answer = await alias.ask(_answer, asked, msgspec.json.encode(body), within=WRITE_S)
        seqs = [hit.source.seq for hit in answer.hits.hits]
        if seqs:
            yield seqs
        if len(seqs) < AT_ONCE:
            return
        below = {"lt": seqs[-1]}
