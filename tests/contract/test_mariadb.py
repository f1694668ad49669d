"""What only MariaDB can be: not there, told to lie, too old, in another character set."""

import importlib.util

import pytest

from madang.adapters.sql import open_store, server_settings
from madang.errors import SetupError
from madang.testing.rules import assert_refused, new_event
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import now_ms, opened
from tests.mariadb import MariadbServer, run_mariadb

pytestmark = pytest.mark.mariadb


async def test_what_cannot_be_reached_is_named(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, problem in {
        "mysql://127.0.0.1:1/x": "127.0.0.1:1 cannot be used .Connection refused",
        "mysql://nowhere.invalid/x": "nowhere.invalid:3306 cannot be used",
        f"{mariadb_url}_not": "Unknown database 'test_.*_not'",
        mariadb_url.replace("root@", "nobody:secret@"): "Access denied for user 'nobody'",
    }.items():
        with pytest.raises(SetupError, match=problem) as caught:
            await open_store(url, now_ms)
        assert "secret" not in str(caught.value)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=r"madang\[mysql\]"):
        await open_store(mariadb_url, now_ms)


async def test_a_server_that_confirms_too_early_is_refused() -> None:
    with (
        run_mariadb({"innodb_flush_log_at_trx_commit": "2"}) as server,
        pytest.raises(SetupError, match="innodb_flush_log_at_trx_commit"),
    ):
        await open_store(server.create_database("lax"), now_ms)


async def test_an_old_server_is_refused(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(server_settings.OLDEST, "MariaDB", (99, 0))
    with pytest.raises(SetupError, match="too old"):
        await open_store(mariadb_url, now_ms)


async def test_keys_are_told_apart_by_their_bytes(mariadb_url: str) -> None:
    """Not by the rules of a language, nor padded with spaces; and an emoji of four bytes is one."""
    async with opened(mariadb_url) as store:
        scene = await opened_scene(store)
        cids = ["a", "A", "\u00e4", "a ", "a  ", "\u1100\u1161", "\uac00", "\U0001f600", "\U0001f601", "\\", "'", "%s"]
        for cid in cids:
            assert new_event((await store.append([scene.say(cid, cid=cid)]))[0])
        for cid in cids:
            assert_refused((await store.append([scene.say("other", cid=cid)]))[0], "conflict")
        assert await scene.texts() == cids


async def test_a_long_message_is_kept_whole(mariadb_url: str) -> None:
    """MySQL's TEXT would end at 65,535 bytes."""
    async with opened(mariadb_url) as store:
        scene = await opened_scene(store)
        await scene.done(scene.say("\uac00" * 30_000))
        assert await scene.texts() == ["\uac00" * 30_000]


async def test_a_migration_that_a_crash_left_half_done_is_taken_up(
    mariadb_url: str, mariadb_server: MariadbServer
) -> None:
    """DDL commits by itself: the tables may be there without the mark that says so."""
    await (await open_store(mariadb_url, now_ms)).close()
    database = mariadb_url.rpartition("/")[2]
    mariadb_server.run(
        f"DELETE FROM {database}.alembic_version; DROP TABLE {database}.pins; DROP TABLE {database}.leases"
    )
    async with opened(mariadb_url) as store:
        scene = await opened_scene(store)
        await scene.done(scene.say("here"))


async def test_an_append_looks_at_no_more_than_it_must(mariadb_url: str, mariadb_server: MariadbServer) -> None:
    """A long room costs what a short one does: heads and cids are found by one step down an index."""
    async with opened(mariadb_url) as store:
        scene = await opened_scene(store)
        for n in range(10):
            await store.append([scene.say("x", cid=f"{n}-{m}") for m in range(200)])
        await scene.done(scene.say("x", cid="warm"))
        rows = "SELECT variable_value FROM information_schema.global_status WHERE variable_name LIKE 'Handler_read_%'"

        def read() -> int:
            return sum(int(value) for value in mariadb_server.run(rows).split())

        before = read()
        await scene.done(scene.say("x", cid="one more"))
        assert read() - before < 300
