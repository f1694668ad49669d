"""What effects cost the database: a storm of them is paid for as messages are, so it may not take many times as long."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

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
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    async with opened(sqlite_url) as store:
        yield store


@contextmanager
def heard() -> Iterator[list[str]]:
    """The statements that any database is given meanwhile."""
    said: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_a_batch_of_reactions_takes_few_statements(store: Store) -> None:
    """And what is reacted to is looked up once for all of them that take theirs back."""
    scene = await opened_scene(store, *USERS)
    target = (await scene.done(scene.say("hello"))).seq
    costs = []
    with heard() as said:
        for kind in (kinds.ReactionAdded, kinds.ReactionRemoved):
            said.clear()
            await store.append([scene.draft(kind, user, target=target, emoji="👍") for user in USERS])
            costs.append(sum(any(table in each for table in ("events", "reaction")) for each in said) / len(USERS))
    added, removed = costs
    assert added < 5.2, said
    assert removed < 3.2, said
    assert not (await store.messages(scene.room, scene.id("ann"), limit=1)).messages[0].reactions


async def test_a_batch_of_new_members_takes_few_statements(store: Store) -> None:
    """Of those whom a server key adds, and of those who come by themselves."""
    scene = await opened_scene(store)
    for added in (True, False):
        with heard() as said:
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
