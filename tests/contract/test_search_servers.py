"""The search index in PostgreSQL and in MariaDB: its contract, several nodes that lead it on, and tables that are lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest
from sqlalchemy import Connection, insert, select, text

from madang.adapters.sql.open import open_beside
from madang.adapters.sql.search import server_documents, server_hits, server_tables
from madang.adapters.sql.search.server_places import ServerIndexes, open_indexes
from madang.adapters.sql.search.server_tables import tables
from madang.core.folding import fold
from madang.core.search import parsed
from madang.errors import StorageFailed, StorageFull
from madang.ports.followers import Position
from madang.ports.search import Changes, Document, SearchIndex
from madang.testing import check_search
from madang.testing.search import finds_what_a_scan_finds, found
from tests.contract.test_database_servers import by_hand
from tests.waiting import PATIENCE_S, eventually


@asynccontextmanager
async def opened_places(url: str) -> AsyncIterator[ServerIndexes]:
    indexes = await open_indexes(url, "1")
    try:
        yield indexes
    finally:
        await indexes.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[SearchIndex]:
    async with opened_places(url) as indexes:
        yield (await indexes.serving()).index


async def test_keeps_the_contract(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few messages are many here, so that every way of finding them is gone."""
    monkeypatch.setattr(server_hits, "FEW", 40)
    monkeypatch.setattr(server_hits, "BLOCKS", 10)
    monkeypatch.setattr(server_hits, "FEW_BLOCKS", 2)
    async with opened(server_url) as index:
        monkeypatch.setattr(server_hits, "WINDOW", 1_000)
        await check_search(lambda: nullcontext(index), steps=2)
        monkeypatch.setattr(server_hits, "WINDOW", 8)
        for module in (server_hits, server_documents):
            monkeypatch.setattr(module, "EVERY", 1)
        await finds_what_a_scan_finds(index, 15)


def said(room: str, first: int, *texts: str) -> Changes:
    put = [Document(n, n << 22, "ann", fold(text)) for n, text in enumerate(texts, first)]
    return Changes(room=room, position=Position("e", first - 1), upto=put[-1].seq, put=put)


async def test_nodes_that_lead_the_same_rooms_on_take_turns(server_url: str) -> None:
    """Each step is done by one of them, in whatever order their rooms are, and nothing twice."""
    rooms = [f"room-{n}" for n in range(12)]
    async with opened(server_url) as one, opened(server_url) as two:
        for step in range(1, 8, 2):
            changes = [said(room, step, f"회의 {step}", f"회의 {step + 1}") for room in rooms]
            late = await asyncio.gather(one.change(changes), two.change(changes[::-1]), two.change(changes))
            assert sorted(room for each in late for room in each) == sorted(2 * rooms)
        hits = await found(one, parsed("회의"), dict.fromkeys(rooms, 0), limit=200)
        assert len(hits) == 8 * len(rooms) and await two.positions(rooms) == dict.fromkeys(rooms, Position("e", 8))


async def test_tables_that_are_lost_are_made_again(server_url: str) -> None:
    async with opened(server_url) as index:
        assert await index.change([said("lobby", 1, "회의")]) == set()
        beside = await open_beside(server_url, lambda c: tables(c, "a").docs.drop(c), 1)
        await beside.close()
        with pytest.raises(StorageFailed):
            await found(index, parsed("회의"), {"lobby": 0})
        assert await index.positions(["lobby"]) == {}
        assert await index.change([said("lobby", 1, "회의")]) == set()
        assert [hit.seq for hit in await found(index, parsed("회의"), {"lobby": 0})] == [1]
        beside = await open_beside(server_url, lambda c: tables(c, "b").docs.drop(c), 1)
        await beside.close()
        async with opened(server_url) as another:
            assert await another.positions(["lobby"]) == {}, "what is left is of no use"


async def test_no_node_waits_for_one_that_has_made_tables_again(mariadb_url: str) -> None:
    """The lock that they are made under is a connection's, and the pool keeps those."""
    async with opened_places(mariadb_url) as indexes:
        beside = await open_beside(mariadb_url, lambda c: tables(c, "a").docs.drop(c), 1)
        await beside.close()
        with pytest.raises(StorageFailed):
            await (await indexes.serving()).index.status()
        assert (await (await indexes.serving()).index.status()).messages == 0
        held = await indexes.read(lambda c: c.scalar(text("SELECT is_used_lock('madang-migrating')")))
        assert held is None


async def test_tables_of_another_shape_are_left_to_nodes_of_an_older_version(mariadb_url: str) -> None:
    """They would make dropped ones again, and each version those of the other."""
    old = [
        "search_places",
        *(f"search_{what}_{place}" for what in ("docs", "erased", "marks", "rooms") for place in "ab"),
    ]

    def make(c: Connection) -> None:
        for name in old:
            c.execute(text(f"CREATE TABLE {name} (no INTEGER PRIMARY KEY)"))
            c.execute(text(f"INSERT INTO {name} VALUES (1)"))

    await (await open_beside(mariadb_url, make, 1)).close()
    async with opened_places(mariadb_url) as indexes:
        assert await (await indexes.serving()).index.change([said("lobby", 1, "회의")]) == set()
        kept = await indexes.read(lambda c: [c.scalar(text(f"SELECT sum(no) FROM {name}")) for name in old])
        assert kept == [1] * len(old)


async def test_tables_that_cannot_be_made_again_are_a_failure_and_no_end(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks is told that storage failed, and what is found no more is erased as soon as the tables are there."""
    tried: list[bool] = []

    def refused(*_: object) -> bool:
        tried.append(True)
        raise StorageFull

    async with opened(server_url) as index:
        await index.change([said("kept", 1, "회의"), said("gone", 1, "회의")])
        beside = await open_beside(server_url, lambda c: tables(c, "a").docs.drop(c), 1)
        await beside.close()
        with monkeypatch.context() as until_there_is_space:
            until_there_is_space.setattr(server_tables, "create", refused)
            with pytest.raises(StorageFailed):
                await found(index, parsed("회의"), {"kept": 0})
            tried.clear()
            await index.forget(["gone"])  # which wakes what erases
            await eventually(lambda: tried)
        with pytest.raises(StorageFailed):
            await found(index, parsed("회의"), {"kept": 0})
        await index.change([said("kept", 1, "회의"), said("gone", 1, "회의")])
        await index.forget(["gone"])
        while (await index.status()).messages != 1:
            await asyncio.sleep(0.01)


async def test_what_is_found_no_more_leaves_the_tables(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_documents, "ERASED", 10)
    async with opened(server_url) as index:
        await index.change([said("kept", 1, "회의"), said("gone", 1, *(f"회의 {n}" for n in range(25)))])
        await index.change([Changes(room="kept", position=Position("e", 1), upto=2, purged=1)])
        await index.forget(["gone"])
        while (await index.status()).messages:
            await asyncio.sleep(0.01)
        assert await index.change([said("gone", 1, "회의")]) == set()
        assert [hit.room for hit in await found(index, parsed("회의"), {"kept": 0, "gone": 0})] == ["gone"]


async def test_what_erases_waits_for_a_room_before_it_locks_anything(server_url: str) -> None:
    """As whoever changes the room does, who then notes what must be erased."""
    waiting = (
        "pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        if server_url.startswith("postgresql")
        else "information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    )
    async with opened_places(server_url) as indexes:
        index = (await indexes.serving()).index
        await index.change([said("lobby", 1, "회의", "회의")])
        async with by_hand(server_url) as changing, by_hand(server_url) as looking:
            t = await changing.run_sync(lambda c: tables(c, "a"))
            no = await changing.scalar(select(t.rooms.c.no).with_for_update())
            await looking.execute(insert(t.erased), {"no": no, "upto": 1})
            await looking.commit()
            indexes.tidy_soon()
            async with asyncio.timeout(PATIENCE_S):
                while not await looking.scalar(text(f"SELECT count(*) FROM {waiting}")):
                    await asyncio.sleep(0.2)  # InnoDB tells what it told before if it is asked again within 0.1 s
            assert await changing.scalar(select(t.erased.c.upto).with_for_update(nowait=True)) == 1
        async with asyncio.timeout(PATIENCE_S):
            while (await index.status()).messages != 1:
                await asyncio.sleep(0.01)


async def test_joined_texts_are_those_that_are_there(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was deleted, edited, erased or purged nothing stays in them."""
    monkeypatch.setattr(server_documents, "ERASED", 2)
    async with opened_places(mariadb_url) as indexes:
        index = (await indexes.serving()).index
        await index.change([said("lobby", 1, *(f"글{n}" for n in range(1, 41))), said("gone", 1, "간다")])
        bens = [Document(n, n << 22, "ben", f"ben{n}") for n in (41, 42, 60)]
        await index.change([Changes(room="lobby", position=Position("e", 40), upto=60, put=bens)])
        put = [Document(61, 61 << 22, "ben", "again61")]
        await index.change(
            [
                Changes(
                    room="lobby", position=Position("e", 60), upto=62, put=put, edit={39: "고친39"}, remove=[33, 38],
                    erased=["ben"], purged=20,
                )
            ]
        )  # fmt: skip
        await index.forget(["gone"])
        kept = [f"글{n}" for n in range(21, 41) if n not in (33, 38, 39)]

        def joined(c: Connection) -> list[str]:
            return sorted(b"".join(c.scalars(select(tables(c, "a").joined.c.folded))).decode().split())

        async with asyncio.timeout(PATIENCE_S):
            while (texts := await indexes.read(joined)) != sorted([*kept, "고친39", "again61"]):
                await asyncio.sleep(0.01)
        assert len(texts) == 19


async def test_no_statement_is_kept_that_does_not_come_again(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where joined texts lead to, the statement's text says which messages it looks at."""
    monkeypatch.setattr(server_hits, "WINDOW", 8)
    monkeypatch.setattr(server_hits, "EVERY", 1)
    monkeypatch.setattr(server_documents, "EVERY", 1)
    async with opened_places(mariadb_url) as indexes:
        index = (await indexes.serving()).index
        await index.change([said("lobby", 1, *(f"글{n} 회의" if n % 50 == 1 else f"글{n}" for n in range(1, 400)))])

        async def kept(before: int) -> int:
            page = await index.hits(parsed("회의"), {"lobby": 0}, before=before << 22, limit=1)
            assert page.hits, "joined texts led there"
            return await indexes.read(lambda c: len(c.engine._compiled_cache or ()))  # noqa: SLF001  # nothing public tells

        assert await kept(300) == await kept(200) == await kept(100)


async def test_what_no_statement_may_hold_is_not_found(server_url: str) -> None:
    async with opened(server_url) as index:
        await index.change([said("lobby", 1, "회의")])
        for q in ("\0", "\ud800", "회\0의"):
            assert await found(index, parsed(q), {"lobby": 0}) == []
