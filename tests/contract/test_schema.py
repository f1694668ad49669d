"""Migrations lead to the tables that the code knows, and indexes serve the queries they are for.

How a step must be written, and what two versions do on one database: `test_schema_steps.py`.
"""

import contextlib
import re
import sqlite3
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import SchemaItem

from madang.adapters.sql import Store, open_store
from madang.adapters.sql.tables import metadata
from madang.core.accounts import Account
from madang.ports.changes import Known
from madang.testing.erasures import erase
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import now_ms, opened


def differences(c: Connection) -> list[object]:
    def ours(name: str | None, type: str, parents: object) -> bool:
        return name != "journal"  # no table of the schema, but SQLite's own in-tray

    def here(thing: SchemaItem, name: str | None, type: str, *more: object) -> bool:
        return c.dialect.name in thing.info.get("only", (c.dialect.name,))

    context = MigrationContext.configure(c, opts={"include_name": ours, "include_object": here, "compare_type": True})
    return list(compare_metadata(context, metadata))


async def differences_at(url: str) -> list[object]:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as c:
            return await c.run_sync(differences)
    finally:
        await engine.dispose()


async def test_migrations_make_the_tables_sqlite(sqlite_url: str) -> None:
    await (await open_store(sqlite_url, now_ms)).close()
    engine = create_engine(sqlite_url)
    with engine.connect() as c:
        assert differences(c) == []
    engine.dispose()


@pytest.mark.postgres
async def test_migrations_make_the_tables_postgresql(postgres_url: str) -> None:
    await (await open_store(postgres_url, now_ms)).close()
    assert await differences_at(postgres_url.replace("postgresql:", "postgresql+asyncpg:")) == []


@pytest.mark.mariadb
async def test_migrations_make_the_tables_mariadb(mariadb_url: str) -> None:
    await (await open_store(mariadb_url, now_ms)).close()
    assert await differences_at(mariadb_url.replace("mysql:", "mariadb+asyncmy:")) == []


async def test_no_query_walks_a_table(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement that the contract's calls make is answered by a key or an index, as `tables` says."""
    await (await open_store(sqlite_url, now_ms)).close()  # steps of the schema may walk what they change
    statements: dict[str, None] = {}
    connect = sqlite3.connect

    def traced(*args: object, **kwargs: object) -> sqlite3.Connection:
        c: sqlite3.Connection = connect(*args, **kwargs)  # type: ignore[call-overload]
        c.set_trace_callback(lambda sql: statements.setdefault(sql))
        return c

    monkeypatch.setattr(sqlite3, "connect", traced)
    async with opened(sqlite_url) as store:
        await use_everything(store)
    monkeypatch.undo()
    with contextlib.closing(sqlite3.connect(tmp_path / "madang.db")) as c:
        plans = {sql: c.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in statements if planned(sql)}
    assert len(plans) > 50
    steps = [(detail, sql) for sql, plan in plans.items() for *_, detail in plan]
    # What is small by its nature: leases (at most 1,024), keys (1,000), word lists (5,001), the journal at start, the values of a statement, a
    # page or 1,000 rows that the same statement asks more of.
    small = r"SCAN (leases|server_keys|word_lists|journal|[vpm]\b|CONSTANT)"
    assert not [step for step in steps if step[0].startswith("SCAN") and not re.match(small, step[0])]
    # A whole room may be walked only as far as a LIMIT, or to its end.
    whole = [sql for detail, sql in steps if re.match(r"SEARCH (events|members)\w* USING .*\(room=\?\)", detail)]
    assert not [sql for sql in whole if not re.search(r"LIMIT|max\(|EXISTS", sql)]
    used = {found[1] for detail, _ in steps if (found := re.search(r"INDEX (\w+)", detail))}
    indexes = [index for table in metadata.tables.values() for index in table.indexes]
    assert {index.name for index in indexes if "sqlite" in index.info.get("only", ("sqlite",))} <= used


def planned(sql: str) -> bool:
    return (
        sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"))
        and "sqlite_" not in sql
        and "alembic" not in sql
    )


async def use_everything(store: Store) -> None:
    from madang.core import events as kinds
    from madang.core.consumers import Consumer
    from madang.core.reports import Report
    from madang.core.words import Words
    from madang.ports.directory import ServerKey
    from madang.ports.followers import Position
    from madang.testing.access import joins

    scene = await opened_scene(store, "ben", "cho")
    for n in range(3):
        await scene.done(scene.say(f"{n}", cid=f"{n}"))
    sent = await scene.done(scene.say("hello", cid="c", mentions=("ben",)))
    for d in [
        scene.draft(kinds.MessageEdited, target=sent.seq, text="x"),
        scene.draft(kinds.ReactionAdded, target=sent.seq, emoji="x"),
        scene.draft(kinds.ReactionRemoved, target=sent.seq, emoji="x"),
        scene.draft(kinds.MessagePinned, target=sent.seq),
        scene.draft(kinds.RoleGiven, member="ben", role="owner"),
        scene.draft(kinds.RoleGiven, member="ben", role="member"),
        scene.draft(kinds.MemberKicked, member="cho"),
        scene.draft(kinds.MemberKicked, member="dan", banned=True),
        scene.draft(kinds.MemberUnbanned, member="dan"),
        scene.draft(kinds.MemberMuted, member="dan"),
        scene.draft(kinds.MemberUnmuted, member="dan"),
        kinds.draft(kinds.MemberChanged(), scene.room, scene.id("ben"), "Ben"),
        scene.draft(kinds.MemberLeft, "ben"),
        scene.draft(kinds.RoomChanged, title="T"),
    ]:
        await scene.done(d)
    s, ann = store, scene.id("ann")
    await s.add_consumer(Consumer("k", "c", 1, 1))
    await s.consumers("k")
    await s.consumer("k", "c")
    await s.next_reader("k", "c")
    await s.note_consumer("k", "c", 2)
    await s.unseen_consumers(1, 5)
    await s.reach("k", "c", {scene.room: Position("0f", 1)})
    await s.reached("k", "c", [scene.room])
    while await s.drop_consumer("k", "c", 1):
        pass
    await s.add_account(Account(login="ann", user=ann, name="Ann", hash="h"))
    for session in ("s1", "s2"):
        await s.begin_session(session, ann, "h")
    await s.accounts(after="a")
    await s.end_sessions(ann, "s1")
    await s.set_password(ann, "h", "i", "s2")
    await s.put_hash(ann, "i", "i")
    await s.set_code("ann", "c", 60_000)
    await s.use_code("ann", "c", "j", "s3")
    await s.sessions_of(ann)
    await s.sessions_ended((1, ""), 10)
    await s.note_sessions(["s3"])
    await s.forget_sessions(60_000, 60_000, 10)
    await s.bans(scene.room)
    await s.mutes(scene.room)
    await s.audit(scene.room)
    await s.audit(scene.room, before=5)
    await s.add_report(scene.room, sent.seq, Report(user=ann, name="ann", at_ms=1))
    await s.add_report(scene.room, sent.seq - 1, Report(user=ann, name="ann", at_ms=1))
    await s.reports(scene.room)
    await s.reported(scene.room)
    await s.resolve_reports(scene.room, sent.seq, 1, ann, "ann")
    await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq - 1))
    await s.set_words(scene.room, Words(flag=("x",)), 1, ann, "ann")
    await s.words(scene.room)
    await s.word_lists()
    await scene.done(msgspec.structs.replace(scene.say("x"), flagged="x"))
    await s.forget_reports(2, 10)
    await s.forget_audit(2, 10)
    await store.append([msgspec.structs.replace(joins(scene, "eve"), origin="home")])
    await s.pins(scene.room, ann)
    await s.messages(scene.room, ann)
    await s.messages(scene.room, ann, before=5)
    await s.messages(scene.room, ann, after=5)
    await s.memberships(ann)
    await s.members(scene.room)
    await s.member(scene.room, ann)
    await s.rooms(after="a")
    await s.room(scene.room)
    await s.set_read([(scene.room, ann, 3)])
    await s.tail(scene.room, 5)
    await s.read(scene.room, 0, 5)
    await s.heads([scene.room])
    await s.set_profile(ann, name="Ann", picture="https://a.example/p", locale="ko")
    await s.profile(ann)
    await s.named_after((1, ann), 5)
    await s.joined(ann, after="a")
    await s.use_tickets([("t", 1)])
    await s.use_tickets([("u", 1)])
    await s.signing_keys()
    await s.add_key(ServerKey("k", "l", "h", 1))
    await s.keys()
    await s.drop_key("k")
    await scene.done(scene.draft(kinds.MessageUnpinned, target=sent.seq))
    await scene.done(scene.draft(kinds.MessageDeleted, target=sent.seq))
    await s.note_seen([ann, "b"], 1)
    await s.note_known([ann, "c"], 1)
    await s.members_after((scene.room, ann), 5)
    await s.users_after("a", 5)
    await s.delete_user("b", 2)
    await s.users_deleted(1)
    await s.changes(Known(1, (1, ""), (1, ann)))
    await s.delete_user(scene.id("ben"), 2, "erase", known=True)
    await erase(s, scene.id("ben"))
    await s.erasures(standing=True)
    await s.forget_erasures(1)
    await s.forget_users(["b"])
    await s.rooms_after("a", 5)
    await scene.done(scene.say("hello", cid="d", mentions=("ann",)))
    await scene.done(scene.draft(kinds.RoomDeleted))
    while await s.erase(scene.room, 5):
        pass
    await s.forget_rooms([scene.room])
