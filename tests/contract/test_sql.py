"""The SQL adapter keeps the contracts of log, directory and leases, on every database."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine

from madang.adapters.sql import audit, open_store, sanctions, tables, versions
from madang.core.audit import TRIMMED, Deed
from madang.core.events import (
    MemberJoined,
    MemberKicked,
    MemberMuted,
    MemberUnbanned,
    MemberUnmuted,
    PaperCreated,
    RoomDeleted,
)
from madang.core.versions import ASKED, NewVersion, Version
from madang.errors import Limited
from madang.testing import (
    check_accounts,
    check_changes,
    check_consumers,
    check_directory,
    check_erasures,
    check_leases,
    check_log,
    check_papers,
    check_people,
    check_profiles,
    check_signing,
    check_tickets,
    check_upkeep,
    check_versions,
)
from madang.testing.access import joins
from madang.testing.rules import assert_refused, new, new_event
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import Open, now_ms, opened
from tests.contract.test_schema_steps import with_connection

HALF_AN_HOUR_MS = 1_800_000


async def test_log(open_sql: Open, url: str) -> None:
    await check_log(open_sql, shared=not url.startswith("sqlite"))


async def test_directory(open_sql: Open) -> None:
    await check_directory(open_sql)


async def test_papers(open_sql: Open) -> None:
    await check_papers(open_sql)


async def test_versions(open_sql: Open) -> None:
    await check_versions(open_sql)


async def test_upkeep(open_sql: Open) -> None:
    await check_upkeep(open_sql)


async def test_erasures(open_sql: Open) -> None:
    await check_erasures(open_sql)


async def test_accounts(open_sql: Open) -> None:
    await check_accounts(open_sql)


async def test_profiles(open_sql: Open) -> None:
    await check_profiles(open_sql)


async def test_people(open_sql: Open) -> None:
    await check_people(open_sql)


async def test_signing(open_sql: Open) -> None:
    await check_signing(open_sql)


async def test_changes(open_sql: Open) -> None:
    await check_changes(open_sql)


async def test_tickets(open_sql: Open) -> None:
    await check_tickets(open_sql)


async def test_consumers(open_sql: Open) -> None:
    await check_consumers(open_sql)


async def test_leases(open_sql: Open) -> None:
    await check_leases(open_sql)


async def test_kicks_and_bans_end_by_the_databases_clock(url: str) -> None:
    """A node whose clock is wrong by half an hour ends none early, and none late."""
    for off_ms in (-HALF_AN_HOUR_MS, HALF_AN_HOUR_MS):
        async with opened(url, lambda off_ms=off_ms: now_ms() + off_ms) as store:  # type: ignore[misc]
            for banned in (False, True):
                scene = await opened_scene(store, "ben", "cho")
                await scene.done(scene.draft(MemberKicked, member="ben", banned=banned, for_ms=HALF_AN_HOUR_MS // 2))
                await scene.done(scene.draft(MemberKicked, member="cho", banned=banned, for_ms=1))
                assert isinstance(await scene.outcome(joins(scene, "ben")), Limited)
                while isinstance(outcome := await scene.outcome(joins(scene, "cho")), Limited):
                    assert outcome.retry_ms == 1
                new_event(outcome)
                assert [ban.user for ban in await store.bans(scene.room)] == [scene.id("ben")] * banned


async def test_mutes_end_by_the_databases_clock(url: str) -> None:
    """Likewise; and once a mute is over, sends are what they were."""
    for off_ms in (-HALF_AN_HOUR_MS, HALF_AN_HOUR_MS):
        async with opened(url, lambda off_ms=off_ms: now_ms() + off_ms) as store:  # type: ignore[misc]
            scene = await opened_scene(store, "ben", "cho")
            await scene.done(scene.draft(MemberMuted, member="ben", for_ms=HALF_AN_HOUR_MS // 2))
            await scene.done(scene.draft(MemberMuted, member="cho", for_ms=1))
            assert isinstance(await scene.outcome(scene.say("hello", "ben")), Limited)
            while isinstance(outcome := await scene.outcome(scene.say("hello", "cho")), Limited):
                assert outcome.retry_ms == 1
            new_event(outcome)
            assert [mute.user for mute in await store.mutes(scene.room)] == [scene.id("ben")]
            for outcome in await store.append([scene.say("more", "cho"), scene.say("and more", "cho")]):
                new_event(outcome)


async def test_a_room_has_a_bounded_number_of_bans_and_of_mutes(
    open_sql: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    for table in (tables.bans, tables.mutes):
        monkeypatch.setitem(sanctions.MOST, table, 2)
    async with open_sql() as store:
        scene = await opened_scene(store)
        names = ("ben", "cho", "dan")
        bans = [scene.draft(MemberKicked, member=name, banned=True) for name in names]
        mutes = [scene.draft(MemberMuted, member=name) for name in names]
        for drafts, lifted in ((bans, MemberUnbanned), (mutes, MemberUnmuted)):
            for d in drafts[:2]:
                await scene.done(d)
            await scene.refused("too_many", drafts[2])
            await scene.done(drafts[0])
            await scene.done(scene.draft(lifted, member="cho"))
            await scene.done(drafts[2])


async def test_a_room_keeps_a_bounded_audit_trail(open_sql: Open, url: str) -> None:
    """The oldest entries of a room go, a hundred at a time, and no other room's."""
    rooms = [new("room"), new("room")]

    def note(c: Connection) -> None:
        for room in rooms:
            for _ in range(2 * TRIMMED + 1):
                audit.note(c, room, Deed(what="kick", by="ann"), 1, TRIMMED // 2)

    async with open_sql():
        pass
    await with_connection(url, note)
    async with open_sql() as store:
        for room in rooms:
            assert [entry.n for entry in await store.audit(room, limit=200)] == list(range(201, 150, -1))


async def test_what_no_database_can_hold_is_refused_alone(open_sql: Open) -> None:
    """Half a surrogate pair is not text; the other drafts of its batch do not suffer."""
    async with open_sql() as store:
        scene = await opened_scene(store)
        for bad in (scene.say("x", cid="\ud800"), scene.draft(MemberJoined, "\udfff", role="member")):
            outcomes = await store.append([scene.say("one", cid="1" + bad.type), bad, scene.say("two")])
            assert_refused(outcomes[1], "bad_field")
            assert new_event(outcomes[2]).seq == new_event(outcomes[0]).seq + 1


async def test_appends_need_ids(open_sql: Open, url: str) -> None:
    async with open_sql():
        pass
    store = await open_store(url, now_ms)
    with pytest.raises(RuntimeError, match="use_ids"):
        await store.append([])
    await store.close()


@pytest.mark.postgres
async def test_nothing_is_left_of_a_version_that_is_kept_while_its_room_is_erased(postgres_tables_url: str) -> None:
    """Whoever erases waits for whoever keeps, and then sees all that was kept. MariaDB locks more, and has it so anyway."""
    async with opened(postgres_tables_url) as store:
        scene = await opened_scene(store)
        id = f"card-{scene.room}"
        await scene.done(scene.draft(PaperCreated, paper=id, title="T"))
        paper = await store.paper(id)
        assert paper is not None
        await scene.done(scene.draft(RoomDeleted))
        erases = asyncio.Event()

        def note(c: Any, cursor: Any, statement: str, *more: Any) -> None:
            if statement.startswith("DELETE FROM papers"):
                erases.set()

        async def erase() -> None:
            while await store.erase(scene.room, 100):
                pass

        engine = create_async_engine(postgres_tables_url.replace("postgresql:", "postgresql+asyncpg:"))
        event.listen(Engine, "before_cursor_execute", note)
        try:
            async with engine.begin() as c:
                new = NewVersion(title="v", cause=ASKED, user="ann", seq=0, data=b"whole")
                assert isinstance(await c.run_sync(lambda c: versions.keep(c, paper, new)), Version)
                erasing = asyncio.create_task(erase())
                await erases.wait()
            await erasing
        finally:
            event.remove(Engine, "before_cursor_execute", note)
            await engine.dispose()
        assert await store.paper(id) is None
        assert await store.version(paper, 1) is None
