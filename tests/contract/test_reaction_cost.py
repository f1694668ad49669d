"""What reactions cost the database: a storm of them is paid for as messages are, so it may not take many times as long."""

from sqlalchemy import event
from sqlalchemy.engine import Engine

from madang.core import events as kinds
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import opened

USERS = tuple(f"user{n}" for n in range(40))


async def test_a_batch_of_reactions_takes_few_statements(sqlite_url: str) -> None:
    """And what is reacted to is looked up once for all of them that take theirs back."""
    said: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        said.append(statement)

    async with opened(sqlite_url) as store:
        scene = await opened_scene(store, *USERS)
        target = (await scene.done(scene.say("hello"))).seq
        event.listen(Engine, "before_cursor_execute", note)
        try:
            costs = []
            for kind in (kinds.ReactionAdded, kinds.ReactionRemoved):
                said.clear()
                await store.append([scene.draft(kind, user, target=target, emoji="👍") for user in USERS])
                costs.append(sum(any(table in each for table in ("events", "reaction")) for each in said) / len(USERS))
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        added, removed = costs
        assert added < 5.2, said
        assert removed < 3.2, said
        assert not (await store.messages(scene.room, scene.id("ann"), limit=1)).messages[0].reactions
