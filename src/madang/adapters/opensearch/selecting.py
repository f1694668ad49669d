"""The seqs of all documents that some filters select, a thousand at a time."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from madang.adapters.opensearch.alias import Alias
from madang.adapters.opensearch.searches import Answer, search

AT_ONCE: Final = 1_000


class _Source(msgspec.Struct):
    seq: int


_answer: Final = msgspec.json.Decoder(Answer[_Source])


async def select(alias: Alias, filters: Sequence[Any]) -> AsyncIterator[list[int]]:
    """Yield seqs, descending. What was written since the last refresh is not seen."""
    below: dict[str, Any] = {}
    while True:
        wanted = [*filters, {"range": {"seq": below}}] if below else filters
        found = await search(alias, _answer, wanted, AT_ONCE, sort=[{"seq": "desc"}], _source=["seq"])
        seqs = [each.seq for each in found]
        if seqs:
            yield seqs
        if len(seqs) < AT_ONCE:
            return
        below = {"lt": seqs[-1]}
