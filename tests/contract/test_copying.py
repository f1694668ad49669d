"""A copy of an installation: cut off anywhere it goes on, it is of one state of one source, and what is not the same is found.

How `madang migrate` looks, and what clients see of a move: `tests/integration/test_migrate.py`.
"""

import asyncio
import re
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, text, update

from madang.adapters.sql import copy, copying, keyset, open_store, place, tables
from madang.adapters.sql.open import open_engine
from madang.core import events as kinds
from madang.core.accounts import Account
from madang.core.events import Appended, draft
from madang.core.ids import EPOCH_MS
from madang.core.papers import Update
from madang.errors import MadangError, SetupError
from tests.contract.conftest import LEASE_MS, now_ms, opened
from tests.contract.copy_child import BATCH
from tests.daemons import free_port
from tests.waiting import PATIENCE_S

ROOMS = ["a", "a-", "a.b", "b", "마당", "마당 ", "😀"]
USERS = ["ann", "ben", "다은", "z😀"]


async def furnish(url: str) -> int:
    """Fill a database with some hundred rows in every table; gives how many events."""
    async with opened(url) as store:
        drafts = [draft(kinds.RoomCreated(title=room, access="open", slow_ms=0), room, "ann", "Ann") for room in ROOMS]
        for room in ROOMS:
            drafts += [draft(kinds.MemberJoined(role="member"), room, user, user) for user in USERS[1:]]
        for n in range(200):
            room, user = ROOMS[n % len(ROOMS)], USERS[n % len(USERS)]
            words = kinds.MessageSent(text=f"{n} 안녕 😀 " * (1 + n % 7), mentions=(USERS[(n + 1) % len(USERS)],))
            drafts.append(draft(words, room, user, user, cid=f"{n}" if n % 3 else None))
            drafts.append(draft(kinds.ReactionAdded(target=5, emoji=f"e{n % 5}"), room, user, user))
        drafts += [draft(kinds.MessagePinned(target=5), room, "ann", "Ann") for room in ROOMS]
        for start in range(0, len(drafts), 50):
            outcomes = await store.append(drafts[start : start + 50])
            assert all(outcome is None or isinstance(outcome, Appended) for outcome in outcomes)
        await store.signing_keys()
        for n in range(100):
            await store.add_account(Account(login=f"login-{n}", user=f"account-{n}", name="미나", hash="h"))
            await store.begin_session(f"s{n}", f"account-{n}", "h")
        await store.end_sessions("account-7")
        await store.set_read([(room, user, 7) for room in ROOMS for user in USERS])
        return sum((await store.heads(ROOMS)).values())


async def copied(source: str, target: str) -> int:
    return await copy(source, target, now_ms, lambda *_: None, lambda: False)


async def killed(source: str, target: str, last: int) -> None:
    """Copy until the process kills itself."""
    child = (sys.executable, "-m", "tests.contract.copy_child", source, target, str(last))
    process = await asyncio.create_subprocess_exec(*child, stderr=asyncio.subprocess.PIPE)
    _, error = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == -signal.SIGKILL, error.decode()


async def everything(url: str) -> list[list[Any]]:
    """Return all rows, asked for as simply as can be."""
    engine = await open_engine(url, now_ms)
    try:
        await engine.fold_all()
        found = []
        for table in copying.COPIED:
            if table is not tables.leases:
                rows = await engine.read(lambda c, t=table: [tuple(row) for row in c.execute(t.select())])  # type: ignore[misc]
                found.append(sorted(rows, key=repr))
        return found
    finally:
        await engine.close()


async def change(url: str, statement: Any) -> None:
    """Do something to a database that no node does."""
    engine = await open_engine(url, now_ms)
    try:
        await engine.write(lambda c: c.execute(statement))
    finally:
        await engine.close()


@pytest.fixture(scope="module")
async def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation on SQLite, made once."""
    folder = tmp_path_factory.mktemp("furnished")
    await furnish(f"sqlite:///{folder}/madang.db")
    return folder


@pytest.fixture
def source(furnished: Path, tmp_path: Path) -> str:
    """An installation on SQLite."""
    shutil.copytree(furnished, tmp_path / "source")
    return f"sqlite:///{tmp_path}/source/madang.db"


# Each is a source and a target once; the ways back are for `make soak`.
KINDS = ("sqlite", "postgres", "mariadb")
ONWARDS = list(zip(KINDS, (*KINDS[1:], KINDS[0]), strict=True))
PAIRS = [*ONWARDS, *(pytest.param((to, source), marks=pytest.mark.slow) for source, to in ONWARDS)]


@pytest.mark.postgres
@pytest.mark.mariadb
@pytest.mark.parametrize("pair", PAIRS, ids="-to-".join)
async def test_every_kind_goes_to_every_other(pair: tuple[str, str], request: pytest.FixtureRequest) -> None:
    source, target = (str(request.getfixturevalue(f"{kind}_url")) for kind in pair)
    await furnish(source)
    await copied(source, target)
    assert await everything(target) == await everything(source)


async def test_nodes_on_a_server_are_in_the_way(server_url: str, sqlite_tables_url: str) -> None:
    """Nobody can claim a whole database server as one does a file: who holds a number is there."""
    async with opened(server_url) as store:
        await store.acquire("node-two", now_ms(), LEASE_MS)
        with pytest.raises(SetupError, match=f"Nodes run on {re.escape(place(server_url))}: test, node-two."):
            await copied(server_url, sqlite_tables_url)


def test_every_table_is_copied() -> None:
    """But the facts of the target itself."""
    assert {*copying.COPIED, tables.installation} == {*tables.metadata.sorted_tables}


async def test_cut_off_anywhere_it_goes_on(source: str, url: str) -> None:
    """Killed within a transaction of the first tables, and within one of the log."""
    for last in (2, 5):
        await killed(source, url, last)
        store = await open_store(url, now_ms)
        try:
            with pytest.raises(SetupError, match="incomplete"):
                await store.acquire("too early", now_ms(), LEASE_MS)
        finally:
            await store.close()
    rows = await copied(source, url)
    there = await everything(url)
    assert there == await everything(source)
    assert rows == sum(len(each) for each in there) + 1, "and one lease"
    async with opened(url) as store:
        assert len(await store.read("마당", 0, 1000)) > BATCH


async def test_large_rows_are_copied_few_at_a_time(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A paper's updates may have a megabyte each, its snapshot four: a batch has some bytes, not only some rows."""
    async with opened(url) as store:
        drafts = [
            draft(kinds.RoomCreated(title="a", access="open", slow_ms=0), "a", "ann", "Ann"),
            draft(kinds.PaperCreated(paper="card", title="Card"), "a", "ann", "Ann"),
        ]
        await store.append(drafts)
        paper = await store.paper("card")
        assert paper is not None
        sizes = [300] * 5 + [900, 2_000, 100]
        updates = [Update(paper.id, paper.key, (("ann", False),), bytes(size)) for size in sizes]
        assert await store.append_updates(updates) == list(range(1, 9))
    monkeypatch.setattr(copying, "BATCH_BYTES", 1_000)
    steps: list[int] = []

    def tell(doing: str, done: int, total: int) -> None:
        if doing == "copying paper_updates":
            steps.append(done)

    target = f"sqlite:///{tmp_path}/target"
    await copy(url, target, now_ms, tell, lambda: False)
    assert [after - before for before, after in pairwise(steps)] == [2, 1, 1, 1]
    assert await everything(target) == await everything(url)


async def test_what_a_crash_left_in_the_journal_comes_along(source: str, tmp_path: Path) -> None:
    """On SQLite an acked message may not be in the table yet that is copied."""
    async with opened(source) as store:
        head = (await store.heads(["a"]))["a"]
        await store.append([draft(kinds.MessageSent(text="the last words"), "a", "ann", "Ann")])
        shutil.copytree(tmp_path / "source", tmp_path / "crashed")
    with closing(sqlite3.connect(tmp_path / "crashed" / "madang.db")) as c:
        assert c.execute("SELECT count(*) FROM journal").fetchone() == (1,)
    target = f"sqlite:///{tmp_path}/target"
    await copied(f"sqlite:///{tmp_path}/crashed/madang.db", target)
    async with opened(target) as store:
        assert [event.content() for event in await store.read("a", head, 10)] == [
            kinds.MessageSent(text="the last words")
        ]


async def test_a_lost_connection_ends_it_and_it_goes_on(
    source: str, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is cut once is replaced (`server_engine.py`); when the server stays away, the next run goes on."""
    calls = 0

    def cut(c: Connection) -> None:
        nonlocal calls
        calls += 1
        if calls >= 3:
            mysql = c.dialect.name in ("mariadb", "mysql")
            c.execute(text("KILL CONNECTION_ID()" if mysql else "SELECT pg_terminate_backend(pg_backend_pid())"))

    async def opening(url: str, clock_ms: Callable[[], int]) -> Any:
        engine = await open_engine(url, clock_ms)
        if url == server_url:
            write = engine.write

            def cutting(c: Connection, work: Callable[[Connection], Any]) -> Any:
                done = work(c)
                cut(c)
                return done

            monkeypatch.setattr(engine, "write", lambda work: write(partial(cutting, work=work)))
        return engine

    monkeypatch.setattr(copying, "open_engine", opening)
    with pytest.raises(MadangError, match=r"A database failed \(.+\). Run it again: it continues where it stopped."):
        await copied(source, server_url)
    assert calls > 3
    monkeypatch.undo()
    await copied(source, server_url)
    assert await everything(server_url) == await everything(source)


async def test_two_copies_at_once_do_no_harm(source: str, server_url: str, tmp_path: Path) -> None:
    """Whoever meets the other's rows is told; nothing is there twice, and nothing is missing in the end."""
    shutil.copy(tmp_path / "source" / "madang.db", tmp_path / "twin")  # each takes the other's copy for its own
    twin = f"sqlite:///{tmp_path}/twin"
    outcomes = await asyncio.gather(copied(source, server_url), copied(twin, server_url), return_exceptions=True)
    assert all(isinstance(outcome, int | MadangError | SetupError) for outcome in outcomes), outcomes
    if not any(isinstance(outcome, int) for outcome in outcomes):
        await copied(source, server_url)
    assert await everything(server_url) == await everything(source)


async def test_ids_go_on_above_all_that_were_given_out(source: str, sqlite_tables_url: str) -> None:
    """Of a node that was killed a moment ago, too; its number is free in the target at once."""
    ahead = now_ms() + 10_000_000
    killed = {"node": 7, "holder": "killed", "fence": 3, "expires_ms": ahead, "floor_ms": ahead}
    await change(source, insert(tables.leases).values(killed))
    await copied(source, sqlite_tables_url)
    store = await open_store(sqlite_tables_url, now_ms)
    try:
        leases = [await store.acquire(f"n{n}", now_ms(), LEASE_MS) for n in range(9)]
    finally:
        await store.close()
    assert (leases[7].floor_ms, leases[7].fence) == (ahead, 4)
    assert leases[0].floor_ms > EPOCH_MS and leases[8].floor_ms == EPOCH_MS


DAMAGE = [
    (update(tables.events).where(tables.events.c.seq == 9).values(body='{"text":"forged"}'), "events (room a, seq 9) differs in"),
    (delete(tables.events).where(tables.events.c.room == "마당 ", tables.events.c.seq == 3), "events (room 마당 , seq 3) is missing"),
    (update(tables.rooms).where(tables.rooms.c.id == "b").values(epoch="x"), "rooms (id b) differs in"),
    (insert(tables.pins).values(room="a", target=6), "pins (room a, target 6) is only in"),
    (update(tables.secrets).values(value=b"x"), "secrets (name signing 0) differs in"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "says"), DAMAGE, ids=[says for _, says in DAMAGE])
async def test_what_is_not_the_same_is_found(source: str, sqlite_tables_url: str, damage: Any, says: str) -> None:
    """Rows that were copied and then changed: by the key they are all there, so only the comparison can tell."""
    told: list[str] = []
    with pytest.raises(copying.Stopped):  # when all is copied, and some of it compared
        await copy(
            source,
            sqlite_tables_url,
            now_ms,
            lambda doing, *_: told.append(doing),
            lambda: told[-1:] == ["comparing rooms"],
        )
    await change(sqlite_tables_url, damage)
    with pytest.raises(MadangError) as refused:
        await copied(source, sqlite_tables_url)
    assert says in str(refused.value)
    store = await open_store(sqlite_tables_url, now_ms)
    try:
        with pytest.raises(SetupError, match="incomplete"):
            await store.acquire("node", now_ms(), LEASE_MS)
    finally:
        await store.close()


async def test_a_source_that_was_used_since_is_refused(source: str, sqlite_tables_url: str) -> None:
    with pytest.raises(copying.Stopped):
        await copy(source, sqlite_tables_url, now_ms, lambda *_: None, lambda: True)
    async with opened(source):
        pass
    with pytest.raises(SetupError, match="used since it was begun"):
        await copied(source, sqlite_tables_url)


async def test_a_source_that_is_used_meanwhile_is_noticed(
    server_url: str, sqlite_tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node starts while the copy runs, and says something behind its back."""
    await furnish(server_url)
    told: list[str] = []
    meddled = False

    async def opening(url: str, clock_ms: Callable[[], int]) -> Any:
        engine = await open_engine(url, clock_ms)
        if url == server_url:
            monkeypatch.setattr(engine, "read", partial(reading, engine.read))
        return engine

    async def reading(read: Callable[[Any], Any], work: Any) -> Any:
        nonlocal meddled
        if told and told[-1] == f"comparing {copying.COPIED[-1].name}" and not meddled:
            meddled = True
            async with opened(server_url) as store:
                await store.append([draft(kinds.MessageSent(text="me too"), "a", "ann", "Ann")])
        return await read(work)

    monkeypatch.setattr(copying, "open_engine", opening)
    with pytest.raises(SetupError, match="was used while it was copied"):
        await copy(server_url, sqlite_tables_url, now_ms, lambda what, *_: told.append(what), lambda: False)
    assert meddled


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        pytest.param("postgres", {"body": '{"text":"a\0b"}'}, marks=pytest.mark.postgres),
        pytest.param("mariadb", {"name": "x" * 65}, marks=pytest.mark.mariadb),
    ],
)
async def test_what_the_target_cannot_hold_is_named(
    source: str, kind: str, values: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """It cannot come in by a client; if it is there all the same, its place is told and the rest is copied."""
    place = tables.events.c.room == "b", tables.events.c.seq == 9
    await change(source, update(tables.events).where(*place).values(values))
    with pytest.raises(SetupError, match=r"cannot store events \(room b, seq 9\)"):
        await copied(source, str(request.getfixturevalue(f"{kind}_url")))


async def test_what_is_in_the_way_is_told_and_nothing_is_made(source: str, tmp_path: Path) -> None:
    new, other, nothing = (f"sqlite:///{tmp_path}/{name}" for name in ("new", "other", "nothing"))
    with closing(sqlite3.connect(tmp_path / "other")) as c:
        c.execute("CREATE TABLE rooms (id TEXT PRIMARY KEY)")
    closed = f"127.0.0.1:{free_port()}"
    for pair, says in [
        ((nothing, new), "There is no data of Madang at"),
        ((other, new), "There is no data of Madang at"),
        ((source, source), "Source and target are the same"),
        ((source, other), "holds tables of something else"),
        ((source, "oracle://x:hunter2@y/z"), "does not know the database 'oracle'"),
        ((source, "sqlite://"), "needs a file"),
        ((source, f"postgresql://me:hunter2@{closed}/x"), "does not answer"),
        ((source, f"mysql://me:hunter2@{closed}/x"), "does not answer"),
        ((source, "sqlite:////dev/null/x"), "cannot be"),
    ]:
        with pytest.raises(SetupError) as refused:
            await copied(*pair)
        assert says in str(refused.value)
        assert "hunter2" not in str(refused.value)
        assert not (tmp_path / "new").exists() and not (tmp_path / "nothing").exists()
    async with opened(source):
        with pytest.raises(SetupError, match="Another process is using"):
            await copied(source, new)


async def test_a_newer_source_or_half_a_copy_is_no_source(source: str, sqlite_tables_url: str, tmp_path: Path) -> None:
    with pytest.raises(copying.Stopped):
        await copy(source, sqlite_tables_url, now_ms, lambda *_: None, lambda: True)
    with pytest.raises(SetupError, match="incomplete"):
        await copied(sqlite_tables_url, f"sqlite:///{tmp_path}/third")
    await change(source, update(tables.installation).where(tables.installation.c.name == "oldest").values(value="9999"))
    with pytest.raises(SetupError, match="newer Madang"):
        await copied(source, sqlite_tables_url)


@pytest.mark.parametrize("limit", [3, pytest.param(1000, marks=pytest.mark.slow)])
async def test_a_walk_passes_every_row_once_in_order(url: str, limit: int) -> None:
    """Keys of one to four parts; and the log is counted by its rooms' ends as it is by its rows."""
    count = await furnish(url)
    engine = await open_engine(url, now_ms)
    try:
        await engine.fold_all()
        for table in copying.COPIED:
            seen: list[Any] = []
            after = None
            while rows := await engine.read(lambda c, t=table, a=after: keyset.batch(c, t, a, limit)):  # type: ignore[misc]
                seen += rows
                after = keyset.key_of(table, rows[-1])
            keys: Sequence[Any] = [keyset.key_of(table, row) for row in seen]
            assert keys == sorted(set(keys))
            assert len(keys) == await engine.read(lambda c, t=table: keyset.size(c, t))  # type: ignore[misc]
            assert after == await engine.read(lambda c, t=table: keyset.last_key(c, t))  # type: ignore[misc]
        assert await engine.read(lambda c: keyset.size(c, tables.events)) == count
    finally:
        await engine.close()
