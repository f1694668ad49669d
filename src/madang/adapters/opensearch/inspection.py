"""What `madang doctor` wants to know of a search engine. Nothing is changed, and nothing is made."""

import re
from typing import Any, Final, TypeVar

import msgspec

from madang.adapters.engine_inspection import Inspection
from madang.adapters.opensearch.engine import Engine, EngineRefused
from madang.adapters.opensearch.place import place
from madang.adapters.opensearch.places import SERVING, base_of
from madang.errors import SetupError, StorageFailed, Unreachable

PATIENCE_S: Final = 5.0
BLOCKS: Final = ("write", "read_only", "read_only_allow_delete")
T = TypeVar("T")


class _Health(msgspec.Struct):
    status: str


class _Node(msgspec.Struct):
    version: str


class _Nodes(msgspec.Struct):
    nodes: dict[str, _Node] = {}


class _Index(msgspec.Struct):
    aliases: dict[str, Any]
    settings: dict[str, Any]


_health: Final = msgspec.json.Decoder(_Health)
_nodes: Final = msgspec.json.Decoder(_Nodes)
_indices: Final = msgspec.json.Decoder(dict[str, _Index])


async def inspect(url: str) -> Inspection:
    """Return how a search engine is.

    Raises:
        SetupError: the URL is none, or we may not use it.
        Unreachable: it does not answer.
    """
    engine = Engine(place(url))
    try:
        return await _inspect(engine)
    except EngineRefused as error:
        hint = "Let the user or the key of MADANG_SEARCH manage indices of that prefix, and monitor the cluster."
        raise SetupError(str(error), hint) from None
    except StorageFailed as error:
        hint = "Start it, or correct MADANG_SEARCH. Until then searches look through the newest messages alone."
        raise Unreachable(str(error), hint) from None
    finally:
        await engine.close()


async def _inspect(engine: Engine) -> Inspection:
    health = await engine.ask(_health, "GET", "/_cluster/health", within=PATIENCE_S)
    named = await _get(engine, _nodes, "/_nodes/_local?filter_path=nodes.*.version", _Nodes())
    version = next((node.version for node in named.nodes.values()), "")
    base, prefix = base_of(engine.place.prefix), engine.place.prefix
    serving = re.compile(rf"{re.escape(prefix)}-\d+-{SERVING}").fullmatch
    indices = await _get(engine, _indices, f"/{prefix}-*-index?flat_settings=true", {})
    aliases = {alias for index in indices.values() for alias in index.aliases}
    others = {alias for alias in aliases if serving(alias)} - {f"{base}-{SERVING}"}
    ours = [index for name, index in indices.items() if name.startswith(f"{base}-")]
    blocked = any(index.settings.get(f"index.blocks.{block}") == "true" for index in ours for block in BLOCKS)
    what = f"{engine.place.product} {version}".rstrip()
    return Inspection(f"{what} at {engine.place.where}", health.status, blocked, tuple(sorted(others)))


async def _get(engine: Engine, answer: msgspec.json.Decoder[T], path: str, nothing: T) -> T:
    """Return what is there; nothing where that is not."""
    try:
        return await engine.ask(answer, "GET", path, within=PATIENCE_S)
    except EngineRefused as error:
        if error.status != 404:
            raise
        return nothing
