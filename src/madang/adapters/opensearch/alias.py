"""One of our indexes in a search engine, by its alias, and what is in it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from madang.adapters.opensearch.engine import DONE, JSON, Engine, EngineRefused

T = TypeVar("T")
SHAPE: Final = 1
"""Of the documents. With another, an index of its own is made."""
_ONLY_KEPT: Final = {"index": False, "doc_values": False}
_ONLY_FOUND: Final = {"type": "keyword", "doc_values": False}
INDEX: Final[dict[str, Any]] = {
    "settings": {"index": {"sort.field": "id", "sort.order": "desc", "auto_expand_replicas": "0-1"}},
    "mappings": {
        "dynamic": "strict",
        "_source": {"excludes": ["terms"]},
        "properties": {
            "kind": _ONLY_FOUND,
            "gen": _ONLY_FOUND,
            "seq": {"type": "long"},
            # Of messages
            "id": {"type": "long"},
            "user": _ONLY_FOUND,
            "folded": {"type": "text", "index": False},  # a keyword would have a greatest length
            "terms": _ONLY_FOUND,
            # Of rooms
            "room": {"type": "keyword"},
            "epoch": {"type": "keyword", **_ONLY_KEPT},
            "upto": {"type": "long", **_ONLY_KEPT},
            "purged": {"type": "long", **_ONLY_KEPT},
            "stale": {"type": "keyword", **_ONLY_KEPT},
            "gone": {"type": "boolean"},
            "untidy": {"type": "boolean"},
        },
    },
}
MISSING: Final = "index_not_found_exception"
VISIBLE: Final = 20_000
"""Documents of which it is known that searches see them."""
Place = tuple[int, int]
"""Sequence number and primary term: where a document is in the order of writes."""


class Alias:
    """An index. Methods raise StorageFailed.

    Args:
        lost: called when it is not there.
    """

    def __init__(self, engine: Engine, name: str, lost: Callable[[], object]) -> None:
        self.engine = engine
        self.name = name
        self.lost = lost
        self._visible: dict[str, Place] = {}

    async def ask(
        self, answer: msgspec.json.Decoder[T], action: str, body: bytes = b"", *, within: float | None = None, kind: str = JSON
    ) -> T:  # fmt: skip
        """Return the answer to a POST, like "_search"."""
        try:
            return await self.engine.ask(answer, "POST", f"/{self.name}/{action}", body, within=within, kind=kind)
        except EngineRefused as error:
            if error.kind == MISSING:
                self.lost()
            raise

    async def refresh(self, within: float | None = None) -> None:
        """Let searches see all that was written before the call."""
        await self.ask(DONE, "_refresh", within=within)

    async def refresh_unless_visible(self, written: Mapping[str, Place]) -> None:
        """Make the writes up to some documents visible to searches, unless they are already.

        Args:
            written: the place of each document in the order of writes, by its name here.
        """
        if all(self._visible.get(name) == place for name, place in written.items()):
            return
        await self.refresh()
        if len(self._visible) > VISIBLE:
            self._visible.clear()
        self._visible.update(written)
