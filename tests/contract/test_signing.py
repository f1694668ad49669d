"""Signing keys in a database that a version wrote which knew one key only, and beside nodes of such a version."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from madang.core.signing import FIRST, SigningKey, SigningKeys, name_of
from madang.errors import Refused
from madang.testing.signing import SIGNS
from tests.contract.conftest import now_ms, opened

SECRET = bytes(range(32))


def run(folder: Path, sql: str, *values: Any) -> list[Any]:
    with closing(sqlite3.connect(folder / "madang.db")) as c, c:
        return c.execute(sql, values).fetchall()


def oldest(folder: Path) -> str:
    """The oldest schema whose code may use the database."""
    ((value,),) = run(folder, "SELECT value FROM installation WHERE name = 'oldest'")
    return str(value)


@pytest.fixture
async def old(sqlite_url: str, tmp_path: Path) -> Path:
    """A database with the one secret of such a version."""
    async with opened(sqlite_url):
        pass
    run(tmp_path, "INSERT INTO secrets (name, value) VALUES ('signing', ?)", SECRET)
    return tmp_path


async def test_the_secret_of_before_is_the_first_key_and_gives_the_name_for_good(old: Path, sqlite_url: str) -> None:
    async with opened(sqlite_url) as store:
        first = await store.signing_keys()
        assert first == SigningKeys(name_of(SECRET), first.lasting, (SigningKey(FIRST, SECRET),))
        assert first.lasting != SECRET
        made = await store.add_signing_key(SIGNS)
        assert (await store.signing_keys()).keys == (*first.keys, made)
        await store.retire_signing_keys()
    async with opened(sqlite_url) as store:
        assert await store.signing_keys() == SigningKeys(first.name, first.lasting, (made,))
    assert run(old, "SELECT name FROM secrets WHERE value = ?", SECRET) == []


async def test_no_key_is_added_beside_a_node_that_knows_one_only(old: Path, sqlite_url: str) -> None:
    """It could neither believe the tokens nor hear the nodes; nor may one start afterwards."""
    leased = (
        "INSERT INTO leases (node, holder, fence, expires_ms, floor_ms) VALUES (9, 'elsewhere 0006 redis:', 1, ?, 0)"
    )
    async with opened(sqlite_url) as store:
        run(old, leased, now_ms() + 60_000)
        with pytest.raises(Refused, match="elsewhere"):
            await store.add_signing_key()
        assert len((await store.signing_keys()).keys) == 1
        assert oldest(old) < "0006"
        run(old, "UPDATE leases SET expires_ms = 0 WHERE node = 9")
        await store.add_signing_key()
    assert oldest(old) > "0006"
