"""The search index in a real OpenSearch, and in a real Elasticsearch with `make soak`: its contract, and what harm does to it."""

import asyncio
import json
import logging
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from madang.adapters.opensearch import bulk, counting, open_indexes
from madang.adapters.opensearch import engine as calls
from madang.adapters.opensearch import places as opensearch_places
from madang.adapters.opensearch.index import EngineIndex
from madang.core.folding import fold
from madang.core.search import parsed
from madang.errors import StorageFailed
from madang.ports.followers import Position
from madang.ports.search import Changes, Document, Hit, SearchIndex, SearchIndexes, Status
from madang.testing import check_search, check_search_indexes
from madang.testing.rules import new
from madang.testing.search import Scan, found
from tests.engines import EngineServer
from tests.faulty_engine import FaultyEngine, faulty
from tests.http import http_client
from tests.waiting import PATIENCE_S

MEETING = parsed("회의")


pytestmark = pytest.mark.engines


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SearchIndex]:
    async with places(url) as indexes:
        yield (await indexes.serving()).index


@asynccontextmanager
async def places(url: str) -> AsyncIterator[SearchIndexes]:
    indexes = await open_indexes(url, "1")
    try:
        yield indexes
    finally:
        await indexes.close()


@asynccontextmanager
async def behind(engine: EngineServer, prefix: str = "") -> AsyncIterator[tuple[FaultyEngine, SearchIndex]]:
    """An index of its own, reached through what does harm."""
    async with faulty(engine.port) as proxy, opened(engine.url(prefix or new("i"), proxy.port)) as index:
        yield proxy, index


def said(room: str, *texts: str, at: int = 0) -> Changes:
    put = [Document(n, n << 22, "ann", fold(text)) for n, text in enumerate(texts, at + 1)]
    return Changes(room=room, position=Position("e", at), upto=at + len(texts), put=put)


async def seqs(index: SearchIndex, room: str, q: str = "회의") -> list[int]:
    return [hit.seq for hit in await found(index, parsed(q), {room: 0})]


async def test_keeps_the_contract(engine: EngineServer) -> None:
    url = engine.url(new("i"))
    await check_search(lambda: opened(url), steps=6)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opensearch_places, "KEPT_S", 2.0)
    monkeypatch.setattr(opensearch_places, "TIDY_AGAIN_S", 0.1)


async def test_one_is_made_beside_the_one_that_serves(engine: EngineServer, impatient: None) -> None:
    url = engine.url(new("i"))
    await check_search_indexes(lambda: places(url))


async def test_nodes_share_places_and_a_restart_keeps_them(engine: EngineServer, impatient: None) -> None:
    url = engine.url(new("i"))
    async with places(url) as one, places(url) as two:
        await one.serving()
        assert (await two.serving()).version == "1"
        assert sorted([await one.begin("2"), await two.begin("2")]) == [False, True]
    async with places(url) as one, places(url) as two:
        building = await one.building()
        assert building is not None and building.version == "2"
        assert await building.index.change([said("yard", "회의")]) == set()
        await asyncio.gather(one.switch(), two.switch())
        assert (await one.serving()).version == "2" and await one.building() is None
        async with asyncio.timeout(PATIENCE_S):
            while (await two.serving()).version != "2":
                await asyncio.sleep(0)
        assert await seqs((await two.serving()).index, "yard") == [1]
        async with asyncio.timeout(PATIENCE_S):
            while not await one.begin("3"):
                pass


@pytest.mark.slow
async def test_keeps_the_contract_for_long(engine: EngineServer) -> None:
    url = engine.url(new("i"))
    await check_search(lambda: opened(url))


async def test_what_there_was_no_room_for_is_sent_again_and_nothing_else(engine: EngineServer) -> None:
    async with behind(engine) as (proxy, index):
        refused: set[str] = set()
        sent: list[str] = []

        def once(lines: str) -> tuple[int, str] | None:
            sent.append(name(lines))
            if len(refused) < 40 and sent[-1] not in refused and len(sent) % 2:
                refused.add(sent[-1])
                return 429, "es_rejected_execution_exception"
            return None

        proxy.refuse = once
        assert await index.change([said("yard", *(f"회의 {n}" for n in range(60)))]) == set()
        assert await seqs(index, "yard") == list(range(60, 0, -1))
        assert len(refused) > 20 and len(sent) == 62 + len(refused)
        assert ("madang_search_engine_rejected", len(refused)) in counted(index)


def name(lines: str) -> str:
    (action,) = json.loads(lines.splitlines()[0]).values()
    return str(action["_id"])


def counted(index: SearchIndex) -> list[tuple[str, float]]:
    assert isinstance(index, EngineIndex)
    return [(metric.name, metric.value) for metric in index.metrics()]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FIRST_WAIT_S", 0.001)


async def test_where_there_is_no_room_for_long_nothing_is_led_on(engine: EngineServer, soon: None) -> None:
    async with behind(engine) as (proxy, index):
        await index.change([said("yard", "회의")])
        proxy.refuse = lambda lines: (429, "es_rejected_execution_exception") if '"seq":2' in lines else None
        with pytest.raises(StorageFailed, match="no room for 1 writes"):
            await index.change([said("yard", "회의 하나", "회의 둘", at=1)])
        assert await index.positions(["yard"]) == {"yard": Position("e", 1)}
        assert await seqs(index, "yard") == [1], "what is above the position is not found yet"
        proxy.refuse = lambda lines: None
        assert await index.change([said("yard", "회의 하나", "회의 둘", at=1)]) == set()
        assert await seqs(index, "yard") == [3, 2, 1]


async def test_a_message_that_is_refused_is_named_and_proposed_to_every_search(
    engine: EngineServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with behind(engine) as (proxy, index):
        proxy.refuse = lambda lines: (400, "document_parsing_exception") if '"folded":"poison' in lines else None
        with caplog.at_level(logging.WARNING, "madang.search"):
            assert await index.change([said("yard", "회의 하나", "poison 회의", "회의 둘")]) == set()
        assert [record.getMessage() for record in caplog.records] == [
            "message 2 of yard is not indexed: document_parsing_exception: so"
        ]
        assert ("madang_search_engine_set_aside", 1) in counted(index)
        assert await seqs(index, "yard") == [3, 2, 1]
        assert await seqs(index, "yard", "나무") == await seqs(index, "yard", "ㄴ") == [2], "the log decides"
        edited = Changes(room="yard", position=Position("e", 3), upto=4, edit={2: fold("회의 다시")})
        assert await index.change([edited]) == set()
        assert await seqs(index, "yard") == [3, 2, 1], "with another text it is taken"
        assert await seqs(index, "yard", "나무") == []


async def test_if_all_is_refused_it_is_not_the_messages(engine: EngineServer) -> None:
    async with behind(engine) as (proxy, index):
        await index.change([said("yard", "회의")])
        proxy.refuse = lambda lines: (400, "strict_dynamic_mapping_exception") if '"seq"' in lines else None
        with pytest.raises(StorageFailed, match="strict_dynamic_mapping_exception"):
            await index.change([said("yard", "회의 하나", at=1)])
        assert await index.positions(["yard"]) == {"yard": Position("e", 1)}
        assert ("madang_search_engine_set_aside", 0) in counted(index)


async def test_a_full_disk_is_told_and_is_over_when_it_is_over(engine: EngineServer) -> None:
    prefix = new("i")
    async with opened(engine.url(prefix)) as index:
        await index.change([said("yard", "회의")])
        await block(engine, prefix, True)
        with pytest.raises(StorageFailed, match="read-only"):
            await index.change([said("yard", "회의 하나", at=1)])
        assert await seqs(index, "yard") == [1]
        await block(engine, prefix, None)
        assert await index.change([said("yard", "회의 하나", at=1)]) == set()
        assert await seqs(index, "yard") == [2, 1]


async def block(engine: EngineServer, prefix: str, full: bool | None) -> None:
    """Do what the engine does itself when its disk is full, or has room again."""
    async with http_client(f"http://127.0.0.1:{engine.port}") as http:
        settings = {"index.blocks.read_only_allow_delete": full}
        (await http.put(f"/{prefix}-*/_settings", json=settings)).raise_for_status()


async def test_what_comes_late_undoes_nothing(engine: EngineServer) -> None:
    prefix = new("i")
    beginning = said("yard", "회의 하나", "회의 둘", "회의 셋")
    async with behind(engine, prefix) as (proxy, late), opened(engine.url(prefix)) as index:
        proxy.hold = lambda path, body: "_bulk" in path and b'"folded"' in body
        slow = asyncio.create_task(late.change([beginning]))
        await proxy.held.wait()
        assert await index.change([beginning]) == set(), "the other node goes on"
        changed = Changes(room="yard", position=Position("e", 3), upto=5, edit={1: "일정"}, remove=[2])
        assert await index.change([changed]) == set()
        proxy.flows.set()
        assert await slow == {"yard"}
        assert await seqs(index, "yard") == [3] and await seqs(index, "yard", "일정") == [1]
        assert await index.positions(["yard"]) == {"yard": Position("e", 5)}


@pytest.mark.parametrize("done", [False, True])
async def test_a_crash_between_messages_and_cursor_loses_and_doubles_nothing(engine: EngineServer, done: bool) -> None:
    prefix = new("i")
    async with behind(engine, prefix) as (proxy, index):
        assert await index.change([said("yard", "회의")]) == set()

        def cursor(path: str, body: bytes) -> bool:
            return "_bulk" in path and b'"@yard"' in body

        if done:
            proxy.lose = cursor
        else:
            proxy.hold = cursor
        crashing = asyncio.create_task(index.change([said("yard", "회의 하나", at=1)]))
        if not done:
            await proxy.held.wait()
            await proxy.close()
        with pytest.raises(StorageFailed):
            await crashing
    async with opened(engine.url(prefix)) as index:
        assert await seqs(index, "yard") == ([2, 1] if done else [1])
        assert await index.change([said("yard", "회의 하나", at=1)]) == ({"yard"} if done else set())
        assert await seqs(index, "yard") == [2, 1]


async def test_two_that_lead_the_same_rooms_on_find_what_a_scan_finds(engine: EngineServer) -> None:
    chance = random.Random(5)
    url, room = engine.url(new("i")), new("room")
    async with opened(url) as one, opened(url) as other:
        log: list[tuple[str, int, str]] = []
        for seq in range(1, 90):
            kind = chance.choice(["put", "put", "edit", "remove"]) if seq > 3 else "put"
            log.append((kind, chance.randint(1, seq - 1) if kind != "put" else seq, f"회의 {chance.choice('가나다')}"))
        scan = Scan()
        scan.change(stretch(log, room, 0, len(log)))

        async def lead_on(index: SearchIndex) -> None:
            while True:
                upto = (await index.positions([room])).get(room, Position("e", 0)).upto
                if upto == len(log):
                    return
                await index.change([stretch(log, room, upto, min(len(log), upto + chance.randint(1, 20)))])

        assert await one.positions([room]) == {}, "the index is there"
        await asyncio.gather(lead_on(one), lead_on(other), lead_on(one), lead_on(other))
        for q in ("회의", "가", "회의 나"):
            expected = scan.hits(parsed(q), {room: 0})
            assert await found(one, parsed(q), {room: 0}) == expected == await found(other, parsed(q), {room: 0})


def stretch(log: list[tuple[str, int, str]], room: str, after: int, upto: int) -> Changes:
    """What a part of a log changes."""
    put: dict[int, Document] = {}
    edit: dict[int, str] = {}
    remove: set[int] = set()
    for seq, (kind, target, text) in enumerate(log[after:upto], after + 1):
        if kind == "put":
            put[seq] = Document(seq, seq << 22, "ann", text)
        elif log[target - 1][0] != "put" or target in remove:
            continue
        elif kind == "edit":
            if target in put:
                put[target] = Document(target, target << 22, "ann", text)
            else:
                edit[target] = text
        elif put.pop(target, None) is None:
            edit.pop(target, None)
            remove.add(target)
    return Changes(
        room=room, position=Position("e", after), upto=upto, put=list(put.values()), edit=edit, remove=sorted(remove)
    )


async def test_an_index_that_is_deleted_is_made_again(engine: EngineServer) -> None:
    prefix = new("i")
    async with faulty(engine.port) as proxy, places(engine.url(prefix, proxy.port)) as indexes:
        index = (await indexes.serving()).index
        await index.change([said("yard", "회의")])
        proxy.hold = lambda path, body: "_bulk" in path
        writing = asyncio.create_task(index.change([said("yard", "회의 하나", at=1)]))
        await proxy.held.wait()
        async with http_client(f"http://127.0.0.1:{engine.port}") as http:
            (name,) = (await http.get(f"/{prefix}-*")).json()
            (await http.delete(f"/{name}")).raise_for_status()
        proxy.flows.set()
        with pytest.raises(StorageFailed):
            await writing
        index = (await indexes.serving()).index
        assert await index.positions(["yard"]) == {}
        assert await index.change([said("yard", "회의", "회의 하나")]) == set()
        assert await seqs(index, "yard") == [2, 1]


async def test_what_is_found_no_more_is_erased(engine: EngineServer, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = new("i")
    async with behind(engine, prefix) as (proxy, index):
        proxy.hold = lambda path, body: b'{"delete":' in body
        await index.change([said("one", *["회의"] * 7), said("two", *["회의"] * 5), said("three", *["회의"] * 3)])
        assert (await index.status()).messages == 15
        await index.forget(["one"])
        await index.change([Changes(room="two", position=Position("e", 5), upto=6, purged=4)])
        again = Changes(room="three", position=Position("f", 0), upto=1, put=[Document(1, 1 << 22, "ann", "회의")])
        assert await index.change([again]) == set()
        for at_once in (100, 1):
            monkeypatch.setattr(counting, "ROOMS", at_once)
            assert await index.status() == Status(2, 2), "what is not erased yet does not count"
        proxy.flows.set()
        await has(engine, prefix, [".1", ".5", "@three", "@two"])
        assert await index.status() == Status(2, 2)
        assert await found(index, MEETING, {"one": 0, "two": 0, "three": 0}) == [
            Hit("two", 5, 5 << 22),
            Hit("three", 1, 1 << 22),
        ]


async def has(engine: EngineServer, prefix: str, names: list[str]) -> None:
    """Wait until an engine has documents of these names alone; what is drawn in them is left out."""
    async with http_client(f"http://127.0.0.1:{engine.port}") as http, asyncio.timeout(PATIENCE_S):
        there: list[str] | None = None
        while there != names:
            (await http.post(f"/{prefix}-*-index/_refresh")).raise_for_status()
            answer = (await http.get(f"/{prefix}-*-index/_search?size=1000")).raise_for_status().json()
            there = sorted(re.sub("^[0-9a-f]{12}", "", hit["_id"]) for hit in answer["hits"]["hits"])


async def test_rooms_that_the_engine_refuses_to_forget_are_told_as_that(engine: EngineServer) -> None:
    async with behind(engine) as (proxy, index):
        await index.change([said("yard", "회의")])
        proxy.refuse = lambda lines: (400, "strict_dynamic_mapping_exception") if '"gone"' in lines else None
        with pytest.raises(StorageFailed, match="strict_dynamic_mapping_exception"):
            await index.forget(["yard"])


async def test_an_engine_that_does_not_answer_is_left_alone_for_a_while(
    engine: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with behind(engine) as (proxy, index):
        await index.change([said("yard", "회의")])
        monkeypatch.setattr(calls, "READ_S", 0.1)
        asked: list[str] = []

        def everything(path: str, body: bytes) -> bool:
            asked.append(path.rpartition("/")[2])
            return True

        proxy.hold = everything
        for _ in range(20):
            with pytest.raises(StorageFailed):
                await index.positions(["yard"])
        assert asked.count("_mget") == 1
        assert ("madang_search_engine_up", False) in counted(index)
