"""The search index in a search engine of its own: OpenSearch 2 or Elasticsearch 8, which are used alike."""

from madang.adapters.opensearch.engine import Engine
from madang.adapters.opensearch.inspection import inspect
from madang.adapters.opensearch.place import place
from madang.adapters.opensearch.places import EngineIndexes

__all__ = ["inspect", "open_indexes"]


async def open_indexes(url: str, version: str) -> EngineIndexes:
    """Open indexes. They need not be there yet, nor the engine: until it answers, searches do without.

    Args:
        version: of the analyzer, for an index that is made because there is none.

    Raises:
        SetupError: the URL is none of a search engine.
    """
    return EngineIndexes(Engine(place(url)), version)
