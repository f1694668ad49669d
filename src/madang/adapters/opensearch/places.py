"""Where search indexes are in an engine: one serves, and beside it another can be made, which then takes its place.

Which is which is told by aliases, so that letting another serve is one step for all nodes. Besides, each index has an alias of its
own, by which it is written to: then nothing goes into an index that the engine makes by itself, without our fields, in the
place of one that is gone.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from madang.adapters.opensearch.alias import INDEX, SHAPE, Alias
from madang.adapters.opensearch.bulk import Counted
from madang.adapters.opensearch.engine import DONE, WRITE_S, Engine, EngineRefused
from madang.adapters.opensearch.index import EngineIndex, metrics_of
from madang.aio import cancelled
from madang.core.metrics import Metric
from madang.errors import StorageFailed
from madang.ports.search import Made

log = logging.getLogger("madang.search")

SERVING: Final = "serving"
BUILDING: Final = "building"
LEAVING: Final = "leaving"
KNOWN_S: Final = 1.0
"""For which it is taken as known which one serves."""
KEPT_S: Final = 35.0
"""For which an index is kept that has been replaced: what has begun with it ends, the longest bulk too."""
TIDY_S: Final = 30.0
"""Between two looks at what may be erased, if nothing is known to be."""
TIDY_AGAIN_S: Final = 2.0
"""After a failure."""
TRIES: Final = 5
_EXISTS: Final = "resource_already_exists_exception"


class _Meta(msgspec.Struct):
    version: str = ""


class _Mappings(msgspec.Struct):
    meta: _Meta = msgspec.field(name="_meta", default_factory=_Meta)


class _Index(msgspec.Struct):
    aliases: dict[str, Any] = {}
    mappings: _Mappings = msgspec.field(default_factory=_Mappings)


_indices: Final = msgspec.json.Decoder(dict[str, _Index])


class Found(NamedTuple):
    """An index that is there.

    Attributes:
        number: of its name.
        roles: SERVING, BUILDING or LEAVING; none while it is being made.
        version: of the analyzer.
    """

    name: str
    number: int
    roles: frozenset[str]
    version: str


class EngineIndexes:
    """Search indexes in an engine. `ports.search.SearchIndexes` is its contract. Any number of nodes use them together.

    Args:
        version: of the analyzer, for an index that is made because there is none.
        clock: seconds.
    """

    def __init__(self, engine: Engine, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._version = version
        self._clock = clock
        self._base = base_of(engine.place.prefix)
        self._counted = Counted()
        self._serving: tuple[float, Made] | None = None  # until when that is known
        self._making = asyncio.Lock()
        self._by_number: dict[int, EngineIndex] = {}
        self._untidy = asyncio.Event()
        self._untidy.set()  # for what is left of before a crash
        self._regular_at = 0.0
        self._tidying = asyncio.create_task(self._keep_tidy())

    async def serving(self) -> Made:
        if self._serving is not None and self._clock() < self._serving[0]:
            return self._serving[1]
        async with self._making:
            for _ in range(TRIES):
                found = await look(self._engine, self._base)
                if (serves := _first(found, SERVING)) is not None:
                    made = self._made(serves)
                    self._serving = self._clock() + KNOWN_S, made
                    self._keep(found)
                    return made
                await self._make(found, self._version, SERVING)
        raise StorageFailed(f"{self._engine.name} has no index that serves.")

    async def building(self) -> Made | None:
        found = _first(await look(self._engine, self._base), BUILDING)
        return None if found is None else self._made(found)

    async def begin(self, version: str) -> bool:
        await self.serving()
        found = await look(self._engine, self._base)
        if _first(found, BUILDING) is not None or _first(found, LEAVING) is not None:
            return False
        return await self._make(found, version, BUILDING)

    async def give_up(self) -> None:
        found = _first(await look(self._engine, self._base), BUILDING)
        if found is not None:
            await self._rename([(found, BUILDING, LEAVING)])

    async def switch(self) -> None:
        found = await look(self._engine, self._base)
        building, serving = _first(found, BUILDING), _first(found, SERVING)
        if building is None:
            return
        changed = [(building, BUILDING, SERVING)]
        if serving is not None:
            changed.append((serving, SERVING, LEAVING))
        await self._rename(changed)

    def metrics(self) -> list[Metric]:
        return metrics_of(self._engine, self._counted)

    async def close(self) -> None:
        await cancelled([self._tidying])
        await self._engine.close()

    def _made(self, found: Found) -> Made:
        index = self._by_number.get(found.number)
        if index is None:
            alias = Alias(self._engine, f"{self._base}-{found.number}", self._forget)
            index = self._by_number[found.number] = EngineIndex(alias, self._counted, self._untidy.set)
        return Made(found.version, index)

    def _keep(self, found: list[Found]) -> None:
        there = {each.number for each in found}
        self._by_number = {number: index for number, index in self._by_number.items() if number in there}

    def _forget(self) -> None:
        """Look again next time which one serves: one that did is not there."""
        self._serving = None

    async def _make(self, found: list[Found], version: str, role: str) -> bool:
        """Make an empty index of a role; return False where another node has just made one."""
        name = f"{self._base}-{max((each.number for each in found), default=0) + 1}"
        body = {
            **INDEX,
            "mappings": {**INDEX["mappings"], "_meta": {"version": version}},
            "aliases": {name: {}, f"{self._base}-{role}": {}},
        }
        try:
            await self._engine.ask(DONE, "PUT", f"/{name}-index", msgspec.json.encode(body), within=WRITE_S)
        except EngineRefused as error:
            if error.kind != _EXISTS:
                raise
            return False
        return True

    async def _rename(self, changed: list[tuple[Found, str, str]]) -> None:
        """Change roles, all at once; nothing where another node has just done it."""
        actions: list[Mapping[str, Any]] = []
        for each, old, new in changed:
            actions.append({"remove": {"index": each.name, "alias": f"{self._base}-{old}", "must_exist": True}})
            actions.append({"add": {"index": each.name, "alias": f"{self._base}-{new}"}})
        try:
            await self._engine.ask(DONE, "POST", "/_aliases", msgspec.json.encode({"actions": actions}), within=WRITE_S)
        except EngineRefused as error:
            if error.status != 404:
                raise
        self._serving = None
        self._untidy.set()

    async def _keep_tidy(self) -> None:
        """Erase what is found no more and indexes that have left, until cancelled."""
        told = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TIDY_S):
                    await self._untidy.wait()
            self._untidy.clear()
            try:
                await self._tidy()
                told = False
                continue
            except StorageFailed as error:
                log.debug("nothing is erased from the search index: %s", error)
            except Exception:
                if not told:
                    log.exception("nothing is erased from the search index")
                told = True
            await asyncio.sleep(TIDY_AGAIN_S)
            self._untidy.set()

    async def _tidy(self) -> None:
        regular = self._clock() >= self._regular_at
        found = await look(self._engine, self._base)
        for each in found:
            if each.roles & {SERVING, BUILDING}:
                index = self._made(each).index
                assert isinstance(index, EngineIndex)
                while await index.tidy():
                    pass
                if regular:
                    await index.erase_unnamed()
        if regular:
            self._regular_at = self._clock() + TIDY_S
        leaving = [each.name for each in found if LEAVING in each.roles]
        if leaving:
            await asyncio.sleep(KEPT_S)
            with suppress(EngineRefused):  # another node has done it
                await self._engine.ask(DONE, "DELETE", f"/{','.join(leaving)}", within=WRITE_S)


def base_of(prefix: str) -> str:
    """Return what the names of indexes begin with."""
    return f"{prefix}-{SHAPE}"


async def look(engine: Engine, base: str) -> list[Found]:
    """Return the indexes that are there."""
    asked = f"/{base}-*-index?filter_path=*.aliases,*.mappings._meta"
    found = []
    for name, index in (await engine.ask(_indices, "GET", asked)).items():
        aliases = {alias.removeprefix(f"{base}-") for alias in index.aliases}
        number = name.removeprefix(f"{base}-").removesuffix("-index")
        if number.isdecimal():
            roles = frozenset(aliases & {SERVING, BUILDING, LEAVING})
            found.append(Found(name, int(number), roles, index.mappings.meta.version))
    return found


def _first(found: list[Found], role: str) -> Found | None:
    """Return the index of a role: if for once there are two, the newer one."""
    return max((each for each in found if role in each.roles), key=lambda each: each.number, default=None)
