"""The SQL adapter keeps the contracts of log, directory and leases, on every database."""

import pytest

from madang.adapters.sql import open_store
from madang.core.events import MemberJoined
from madang.testing import check_directory, check_leases, check_log, check_upkeep
from madang.testing.rules import assert_refused, new_event
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import Open, now_ms


async def test_log(open_sql: Open, url: str) -> None:
    await check_log(open_sql, shared=not url.startswith("sqlite"))


async def test_directory(open_sql: Open) -> None:
    await check_directory(open_sql)


async def test_upkeep(open_sql: Open) -> None:
    await check_upkeep(open_sql)


async def test_leases(open_sql: Open) -> None:
    await check_leases(open_sql)


async def test_what_no_database_can_hold_is_refused_alone(open_sql: Open) -> None:
    """Half a surrogate pair is no text; the other drafts of its batch do not suffer."""
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
