"""Messages that versions before 0004 stored: read as the others at once, and numbered by and by."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, insert, select, update

from madang.adapters.sql import numbering, open_store
from madang.adapters.sql.store import Store
from madang.adapters.sql.tables import events, mentions, reaction_counts
from madang.core import events as kinds
from madang.testing.rules import Scene
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import now_ms, opened
from tests.contract.test_schema_steps import run_sql, run_step, with_connection

NAMES = ("ann", "ben", "cho")


async def furnished(store: Store) -> list[Scene]:
    """Some rooms with messages of several users, edits, reactions and mentions between them."""
    scenes = [await opened_scene(store, "ben", "cho") for _ in range(3)]
    for scene in scenes:
        for n in range(9):
            sent = await scene.done(scene.say(f"{n}", NAMES[n % 3], mentions=("cho",)))
            await scene.done(scene.draft(kinds.ReactionAdded, NAMES[n % 2], target=sent.seq, emoji="👍"))
            if n % 4 == 0:
                edit = scene.draft(kinds.MessageEdited, NAMES[n % 3], target=sent.seq, text="edited", mentions=("ben",))
                await scene.done(edit)
    return scenes


async def as_before(url: str, scenes: list[Scene]) -> None:
    """Take away what versions before 0004 did not write, and put what they did: cho's mentions by herself and before edits."""

    def change(c: Connection) -> None:
        sent = select(events.c.room, events.c.seq, events.c.user).where(events.c.type == kinds.MessageSent.type)
        there = {tuple(row) for row in c.execute(select(mentions.c.room, mentions.c.seq, mentions.c.user))}
        for room, seq, _ in c.execute(sent).all():
            cho = next(scene.id("cho") for scene in scenes if scene.room == room)
            if (room, seq, cho) not in there:
                c.execute(insert(mentions).values(room=room, seq=seq, user=cho))
        c.execute(update(events).values(ordinal=None, own_ordinal=None))

    await with_connection(url, change)
    await run_sql(url, "DELETE FROM reaction_counts", "DELETE FROM installation WHERE name = 'numbered'")
    await run_step(url, "0004")


async def seen(store: Store, scenes: list[Scene]) -> list[Any]:
    """What each user sees: pages, unread counts at every pointer."""
    found: list[Any] = []
    for scene in scenes:
        for name in NAMES:
            head = (await store.heads([scene.room]))[scene.room]
            found.append(await store.messages(scene.room, scene.id(name), limit=200))
            found.append(await store.messages(scene.room, scene.id(name), after=10, limit=2))
            for read in range(0, head + 1, 4):
                (row,) = await store.memberships(scene.id(name), read={scene.room: read})
                found.append((row.seq, row.read_seq, row.unread))
    return found


async def mentioned(store: Store, scenes: list[Scene]) -> list[int]:
    return [(await store.memberships(scene.id(name)))[0].mentions for scene in scenes for name in NAMES]


def unnumbered(c: Connection) -> list[Any]:
    wanted = select(events.c.room, events.c.seq).where(events.c.type == kinds.MessageSent.type)
    return list(c.execute(wanted.where(events.c.ordinal.is_(None) | events.c.own_ordinal.is_(None))).all())


async def test_old_messages_are_read_as_the_others(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they are numbered, with new ones above them, while they are numbered in stretches, and afterwards."""
    monkeypatch.setattr(numbering, "STRETCH", 5)
    async with opened(url) as store:
        scenes = await furnished(store)
        before, count = await seen(store, scenes), await mentioned(store, scenes)
    await as_before(url, scenes)
    async with opened(url) as store:
        for scene in scenes:
            scene.store = store
        assert await seen(store, scenes) == before
        assert await mentioned(store, scenes) != count, "cho's own, and those before edits, were counted"
        await scenes[1].done(scenes[1].say("new", "ben"))
        await store.append([scenes[1].say(f"new {n}", NAMES[n % 3], cid=f"{n}") for n in range(5)])
        after = await seen(store, scenes)
        steps = 0
        while await store.engine.write(numbering.number_stretch):
            steps += 1
            if steps == 3:
                await scenes[2].done(scenes[2].say("newer"))
                after = await seen(store, scenes)
            assert await seen(store, scenes) == after
        assert steps > 4, "in stretches"
        assert await store.engine.read(unnumbered) == []
        assert await mentioned(store, scenes) == count
        assert not await store.engine.write(numbering.number_stretch), "once"


async def test_what_an_old_node_adds_meanwhile_is_counted(url: str) -> None:
    """Its messages have no ordinal, its reactions are in no count: read rightly, and made good by the next going over."""
    async with opened(url) as store:
        scenes = await furnished(store)
        await store.number()

        def by_an_old_node(c: Connection) -> None:
            c.execute(update(events).where(events.c.seq.in_((4, 6, 9))).values(ordinal=None, own_ordinal=None))

        expected = await seen(store, scenes)
        await store.engine.write(by_an_old_node)
        assert await seen(store, scenes) == expected
        await store.engine.write(lambda c: c.execute(update(reaction_counts).values(users=7)))
    await run_sql(url, "DELETE FROM installation WHERE name = 'numbered'")  # as `madang upgrade --finish` does
    async with opened(url) as store:
        await store.number()
        assert await store.engine.read(unnumbered) == []
        assert await seen(store, scenes) == expected


async def test_a_journal_of_before_is_numbered(tmp_path: Path) -> None:
    """What a crash of the version before left in SQLite's journal has no ordinals."""
    url = f"sqlite:///{tmp_path}/madang.db"
    async with opened(url) as store:
        scenes = await furnished(store)
        last = (await store.heads([scenes[0].room]))[scenes[0].room]
        await store.append([scenes[0].say(f"{n}", NAMES[n % 3]) for n in range(7)])
        expected = await seen(store, scenes)
    with closing(sqlite3.connect(tmp_path / "madang.db")) as c:
        room = scenes[0].room
        newest = "SELECT * FROM events WHERE room = ? AND seq > ? ORDER BY seq"
        rows = [row[:10] for row in c.execute(newest, (room, last)).fetchall()]
        c.execute("DELETE FROM events WHERE room = ? AND seq > ?", (room, last))
        c.execute("INSERT INTO journal (rows) VALUES (?)", (msgspec.msgpack.encode(rows),))
        c.commit()
    store = await open_store(url, now_ms)
    try:
        assert await seen(store, scenes) == expected
    finally:
        await store.close()
