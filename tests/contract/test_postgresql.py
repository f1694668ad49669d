"""What only PostgreSQL can be: not there, told to lie, unable to hold a text. The rest is test_database_servers.py."""

import importlib.util

import asyncpg
import pytest

from madang.adapters.sql import open_store
from madang.errors import SetupError
from madang.testing.rules import assert_refused, new_event
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import now_ms, opened

pytestmark = pytest.mark.postgres


async def test_what_cannot_be_reached_is_named(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, problem in {
        "postgresql://127.0.0.1:1/x": "127.0.0.1:1 cannot be used .Connection refused",
        "postgresql://nowhere.invalid/x": "nowhere.invalid:5432 cannot be used",
        f"{postgres_url}_not": 'database "test_.*_not" does not exist',
        postgres_url.replace("postgres@", "nobody:secret@"): 'role "nobody" does not exist',
    }.items():
        with pytest.raises(SetupError, match=problem) as caught:
            await open_store(url, now_ms)
        assert "secret" not in str(caught.value)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"madang\[postgres\]"):
        await open_store(postgres_url, now_ms)


async def test_a_server_that_confirms_too_early_is_refused(postgres_url: str) -> None:
    database = postgres_url.rpartition("/")[2]
    c = await asyncpg.connect(postgres_url)
    await c.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    await c.close()
    with pytest.raises(SetupError, match="synchronous_commit"):
        await open_store(postgres_url, now_ms)


async def test_nul_is_refused_alone(postgres_url: str) -> None:
    """Text of PostgreSQL cannot hold NUL; the other drafts of the batch need not fail for it."""
    async with opened(postgres_url) as store:
        scene = await opened_scene(store)
        outcomes = await store.append([scene.say("one", cid="1"), scene.say("bad", cid="\0"), scene.say("two")])
        assert_refused(outcomes[1], "bad_field")
        assert [new_event(outcomes[n]).seq for n in (0, 2)] == [2, 3]
