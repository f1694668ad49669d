"""How many statements an operation is, and how many rows it fetches: the same in a room of ten and of ten thousand.

A statement is a round trip to a database server; S4's joins were slow because each fetched all members. Counted by
SQLAlchemy's own events, on the real servers, below everything that Madang does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import Engine, event, insert, text

from madang.adapters.sql import Store
from madang.adapters.sql.tables import members
from madang.core import events as kinds
from madang.core.actors import Actor
from madang.services.appender import Appender
from madang.services.charges import Charges
from madang.services.limits import UNLIMITED, Limits
from madang.services.quotas import NO_QUOTAS
from madang.services.rooms import Rooms
from madang.testing.rules import Scene
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import opened
from tests.contract.test_database_servers import by_hand

FEW, MANY = 10, 10_000
ROOMS = 100


class Count:
    """What went to the database."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.rows = 0


@contextmanager
def counted() -> Iterator[Count]:
    """Count what the engines of this process do. Beginning and ending transactions is not counted: all do it once."""
    count = Count()

    def after(c: Any, cursor: Any, statement: str, *_: Any) -> None:
        words = statement.split()
        if words[:2] == ["SET", "TRANSACTION"]:
            return
        count.statements.append(" ".join(words)[:100])
        if words[0] in ("SELECT", "WITH"):
            count.rows += max(cursor.rowcount, 0)

    event.listen(Engine, "after_cursor_execute", after)
    try:
        yield count
    finally:
        event.remove(Engine, "after_cursor_execute", after)


@asynccontextmanager
async def crowded(url: str, store: Store, size: int) -> AsyncIterator[Scene]:
    """A room of this many members, with a few messages."""
    scene = await opened_scene(store, "ben")
    rows = [
        {"room": scene.room, "user": f"u-{n:05}", "name": f"N{n}", "role": "member", "read_seq": 2}
        for n in range(size - 2)
    ]
    async with by_hand(url) as c:
        for start in range(0, len(rows), 1000):
            await c.execute(insert(members), rows[start : start + 1000])
        await c.execute(text("ANALYZE members" if url.startswith("postgresql") else "ANALYZE TABLE members"))
        await c.commit()
    await store.append([scene.say(f"{n}", cid=f"{n}", mentions=("ben",)) for n in range(60)])
    yield scene


def operations(store: Store, scene: Scene, rooms: Rooms, others: list[Scene], run: str) -> dict[str, Any]:
    """What people do, by the name it has in TABLE."""
    room, ben, new = scene.room, Actor(id=scene.id("ben"), name="ben"), Actor(id=f"new-{run}", name="New")
    say = scene.say
    return {
        "join, as a member": lambda: rooms.enter(ben, room),
        "join, for the first time": lambda: rooms.enter(new, room),
        "what a join shows": lambda: store.tail(room, 50),
        "resume": lambda: store.read(room, 10, 1000),
        "send": lambda: store.append([say("x", "ben", cid=f"one-{run}")]),
        "send 100 into one room": lambda: store.append([say("x", "ben", cid=f"{n}-{run}") for n in range(100)]),
        "send 100 into 100 rooms": lambda: store.append([other.say("x", cid=f"all-{run}") for other in others]),
        "send again": lambda: store.append([say("x", "ben", cid=f"one-{run}")]),
        "page of history": lambda: store.messages(room, ben.id, limit=50),
        "page of members": lambda: store.members(room, limit=50),
        "a user's rooms": lambda: store.memberships(ben.id, limit=50),
        "create a room": lambda: rooms.create(new, f"room-{run}", "Room", "open"),
        "mute": lambda: store.append([scene.draft(kinds.MemberMuted, member="cho")]),
        "ban": lambda: store.append([scene.draft(kinds.MemberKicked, member="cho", banned=True)]),
        "kick": lambda: store.append([scene.draft(kinds.MemberKicked, member="ben")]),
    }


TABLE = {  # statements, and rows fetched at most
    "join, as a member": (1, 1),
    "join, for the first time": (7, 4),
    "what a join shows": (2, 51),
    "resume": (1, 60),
    "send": (4, 3),
    "send 100 into one room": (4, 102),
    "send 100 into 100 rooms": (4, 300),
    "send again": (3, 3),
    "page of history": (3, 51),
    "page of members": (1, 50),
    "a user's rooms": (1, 1),
    "create a room": (5, 0),
    "kick": (14, 8),
    "ban": (20, 9),
    "mute": (15, 8),
}
MARIADB = {
    "a user's rooms": (2, 2)
}  # what is above the pointers is asked for apart: no subquery there sees a page's rows


async def test_statements_and_rows_do_not_grow_with_the_room(server_url: str) -> None:
    async with opened(server_url) as store:
        appender = Appender(store, lambda events: None)
        rooms = Rooms(store, appender, Charges(Limits(UNLIMITED), lambda: 0.0), NO_QUOTAS)
        others = [await opened_scene(store) for _ in range(ROOMS)]
        for size in (FEW, MANY):
            async with crowded(server_url, store, size) as scene:
                for name, do in operations(store, scene, rooms, others, f"{size}").items():
                    with counted() as count:
                        await _done(appender, do)
                    statements, rows = (TABLE | MARIADB if server_url.startswith("mysql:") else TABLE)[name]
                    assert len(count.statements) == statements, (name, size, count.statements)
                    assert count.rows <= rows, (name, size, count.rows)


async def _done(appender: Appender, do: Callable[[], Awaitable[Any]]) -> None:
    """Do it while drafts are taken."""
    running = asyncio.create_task(appender.run())
    try:
        await do()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
