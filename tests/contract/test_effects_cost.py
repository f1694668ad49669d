"""What effects cost the database: a storm of them is paid for as messages are, so it may not take many times as long."""

import sqlite3
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from madang.adapters.sql import Store
from madang.core import events as kinds
from madang.core.events import draft
from madang.testing.rules import Scene
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import opened

USERS = tuple(f"user{n}" for n in range(40))


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What SQLite is told, whoever tells it."""
    said: list[str] = []

    def listen(c: sqlite3.Connection, record: object) -> None:
        c.set_trace_callback(said.append)

    event.listen(Engine, "connect", listen)
    try:
        yield said
    finally:
        event.remove(Engine, "connect", listen)


@pytest.fixture
async def store(sqlite_tables_url: str, said: list[str]) -> AsyncIterator[Store]:
    async with opened(sqlite_tables_url) as store:
        yield store


async def test_a_batch_of_reactions_takes_few_statements(store: Store, said: list[str]) -> None:
    """And what is reacted to is looked up once for all of them that take theirs back."""
    scene = await opened_scene(store, *USERS)
    target = (await scene.done(scene.say("hello"))).seq
    costs = []
    for kind in (kinds.ReactionAdded, kinds.ReactionRemoved):
        said.clear()
        await store.append([scene.draft(kind, user, target=target, emoji="👍") for user in USERS])
        about = [each for each in said if any(table in each for table in ("events", "reaction"))]
        costs.append(sum(not each.startswith("INSERT INTO events") for each in about) / len(USERS))
    added, removed = costs
    assert added < 4.2, said
    assert removed < 3.2, said
    assert not (await store.messages(scene.room, scene.id("ann"), limit=1)).messages[0].reactions


async def test_a_batch_of_new_members_takes_few_statements(store: Store, said: list[str]) -> None:
    """Of those whom a server key adds, and of those who come by themselves."""
    scene = await opened_scene(store)
    for added in (True, False):
        said.clear()
        await store.append([joining(scene, f"{user}-{added}", added=added) for user in USERS])
        assert sum("members" in each or "kicks" in each for each in said) / len(USERS) < 2.2, said
        assert len(await store.members(scene.room, after=scene.id(""), limit=200)) >= len(USERS)


def joining(scene: Scene, name: str, *, added: bool) -> kinds.Draft:
    return draft(
        kinds.MemberJoined(role="member"),
        scene.room,
        scene.id(name),
        name,
        server=added,
        added=added,
        vouched=not added,
    )
