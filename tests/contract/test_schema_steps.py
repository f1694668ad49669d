"""Steps of the schema in two halves.

The first only adds, so that the previous version goes on working on it; the second waits until no node of that version is
left, and shuts it out.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, make_url, text, update
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import create_async_engine

from madang.adapters.sql import migrations, open_store
from madang.adapters.sql.open import inspect_database
from madang.adapters.sql.tables import papers
from madang.cli import checks
from madang.core import events as kinds
from madang.core.emoji import clean_emoji
from madang.core.versions import ASKED, NewVersion
from madang.errors import SetupError
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import LEASE_MS, now_ms, opened
from tests.next_version import AFTER, make_next_version
from tests.running import Done, Server, madang

ADDS = re.compile(
    r"CREATE (TABLE|INDEX|UNIQUE INDEX)|ALTER TABLE \S+ ADD COLUMN|INSERT INTO alembic_version|UPDATE alembic_version"
)


def only_adds(statements: list[str]) -> bool:
    """Whether code that knows nothing of these changes works after them as before."""
    made = {found[1] for each in statements if (found := re.match(r"CREATE TABLE (?:IF NOT EXISTS )?(\S+)", each))}
    for statement in statements:
        filled = re.match(r"INSERT INTO (\S+) SELECT", statement)
        if not ADDS.match(statement) and not (filled and filled[1] in made):
            return False
        if statement.startswith("ALTER") and "NOT NULL" in statement and "DEFAULT" not in statement:
            return False
        # It would refuse what the version before writes.
        unique = re.match(r"CREATE UNIQUE INDEX .* ON (\S+)", statement)
        if unique and unique[1] not in made:
            return False
    return True


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE rooms DROP COLUMN title",
        "ALTER TABLE rooms ADD COLUMN colour VARCHAR(9) NOT NULL",
        "ALTER TABLE rooms ALTER COLUMN title TYPE TEXT",
        "ALTER TABLE rooms RENAME TO places",
        "CREATE UNIQUE INDEX one_title ON rooms (title)",
        "DROP TABLE pins",
        "UPDATE rooms SET title = ''",
        "DELETE FROM pins",
        "INSERT INTO pins SELECT room, seq FROM events",
    ],
)
def test_a_step_that_does_more_than_add_is_found(statement: str) -> None:
    assert only_adds(["CREATE TABLE flavours (name TEXT)", "ALTER TABLE rooms ADD COLUMN colour VARCHAR(9)"])
    assert only_adds(["ALTER TABLE rooms ADD COLUMN colour VARCHAR(9) NOT NULL DEFAULT 'red'"])
    assert only_adds(["CREATE TABLE flavours (name TEXT)", "INSERT INTO flavours SELECT title FROM rooms"])
    assert not only_adds(["CREATE TABLE flavours (name TEXT)", statement])


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def empty_url(request: pytest.FixtureRequest) -> str:
    """A database of each kind without any table."""
    return str(request.getfixturevalue(f"{request.param}_url"))


async def test_first_halves_only_add(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As each kind of database is really told."""
    told: list[str] = []
    monkeypatch.setattr(migrations, "FINISHES", ())  # else a new database gets the second halves, too

    def note(c: Any, cursor: Any, statement: str, *more: Any) -> None:
        told.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await (await open_store(empty_url, now_ms)).close()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    changes = [each for each in told if re.match(r"CREATE|ALTER|DROP|INSERT|UPDATE|DELETE|TRUNCATE|RENAME", each)]
    schema = [each for each in changes if "journal" not in each]
    assert len([each for each in schema if each.startswith("CREATE TABLE")]) > 9
    assert only_adds(schema), schema


def test_every_step_and_every_second_half_is_known() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.NEWEST]
    steps = sorted(scripts.walk_revisions(), key=lambda step: step.revision)
    assert tuple(step.revision for step in steps if hasattr(step.module, "finish")) == migrations.FINISHES


@pytest.fixture(scope="module")
def next_version(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the next version is: made and compiled once."""
    return str(make_next_version(tmp_path_factory.mktemp("next")))


async def test_two_versions_share_a_database_until_the_upgrade_is_finished(
    url: str, tmp_path: Path, next_version: str
) -> None:
    async def next_madang(*arguments: str) -> Done:
        return await madang(*arguments, "--database", url, "--data", tmp_path, PYTHONPATH=next_version)

    alone = make_url(url).get_backend_name() == "sqlite"  # where the file belongs to one process
    async with opened(url) as store:
        scene = await opened_scene(store)
        await scene.done(scene.say("before", cid="1"))
    assert await next_madang("upgrade") == (0, "The database is ready for this version.\n", "")
    async with opened(url) as store:
        scene.store = store
        await scene.done(scene.say("between", cid="2"))
        if not alone:
            refused = await next_madang("upgrade", "--finish")
            assert refused.status == 2
            assert "Nodes of an older version are on this database: test." in refused.err
    async with opened(url) as store:
        scene.store = store
        assert await scene.texts() == ["before", "between"]
    if alone:
        with closing(sqlite3.connect(tmp_path / "madang.db")) as c:
            assert c.execute("SELECT count(*) FROM journal").fetchone() == (0,), "rows do not fit into the new table"

    # An old node that has looked at the schema, and not taken its number yet.
    waiting = None if alone else await open_store(url, now_ms)
    try:
        assert (await next_madang("upgrade", "--finish")).out.startswith(f"The upgrade to schema {AFTER} is finished.")
        if waiting is not None:
            with pytest.raises(SetupError, match="newer Madang"):
                await waiting.acquire("late", now_ms(), LEASE_MS)
    finally:
        if waiting is not None:
            await waiting.close()
    with pytest.raises(SetupError, match="newer Madang"):
        await open_store(url, now_ms)


async def test_doctor_says_how_far_the_upgrade_is(sqlite_url: str, tmp_path: Path, next_version: str) -> None:
    await (await open_store(sqlite_url, now_ms)).close()
    where = ("--database", sqlite_url, "--data", tmp_path)
    await madang("upgrade", *where, PYTHONPATH=next_version)
    doctor = await madang("doctor", *where, PYTHONPATH=next_version)
    assert f"The upgrade of the database to schema {AFTER} waits to be finished." in doctor.out
    found = checks.database(await inspect_database(sqlite_url))
    assert (found.level, f"answers, schema {AFTER}" in found.what) == ("ok", True)
    await madang("upgrade", "--finish", *where, PYTHONPATH=next_version)
    found = checks.database(await inspect_database(sqlite_url))
    assert (found.level, f"newer Madang (schema {AFTER}; this one knows {migrations.NEWEST})" in found.what) == (
        "fail",
        True,
    )


async def test_a_new_database_has_nothing_to_finish(sqlite_url: str, tmp_path: Path, next_version: str) -> None:
    where = ("--database", sqlite_url, "--data", tmp_path)
    server = Server(tmp_path, arguments=("--database", sqlite_url))
    server.environment = {"PYTHONPATH": next_version}
    await server.start()
    await server.stop()
    assert (
        await madang("upgrade", "--finish", *where, PYTHONPATH=next_version)
    ).out == "There was nothing to finish.\n"
    with pytest.raises(SetupError, match="newer Madang"):
        await open_store(sqlite_url, now_ms)


async def run_step(url: str, revision: str) -> None:
    """Run the first half of a step on a database that has had it: what it changes in old rows, it changes again."""

    def run(c: Connection) -> None:
        script = ScriptDirectory(str(Path(migrations.__file__).parent)).get_revision(revision)
        with Operations.context(MigrationContext.configure(c)):
            script.module.upgrade()

    await with_connection(url, run)


async def run_sql(url: str, *statements: str) -> None:
    """Run statements as nobody does who runs Madang."""

    def run(c: Connection) -> None:
        for statement in statements:
            c.execute(text(statement))

    await with_connection(url, run)


async def with_connection(url: str, run: Callable[[Connection], object]) -> None:
    """Call with a connection to a database of any kind, in a transaction."""

    def run_on_sqlite() -> None:
        engine = create_engine(url)
        try:
            with engine.begin() as c:
                run(c)
        finally:
            engine.dispose()

    if url.startswith("sqlite:"):
        await asyncio.to_thread(run_on_sqlite)
        return
    engine = create_async_engine(
        url.replace("postgresql:", "postgresql+asyncpg:").replace("mysql:", "mariadb+asyncmy:")
    )
    try:
        async with engine.begin() as ac:
            await ac.run_sync(run)
    finally:
        await engine.dispose()


async def test_reactions_of_before_get_the_one_spelling(url: str) -> None:
    async with opened(url) as store:
        scene = await opened_scene(store, "ben", "cho")
        sent = await scene.done(scene.say("hello"))
        put = [("ann", "❤"), ("ben", "❤"), ("ben", "❤\ufe0f"), ("cho", "👍\ufe0f"), ("cho", "+1")]
        for name, emoji in put:
            await scene.done(scene.draft(kinds.ReactionAdded, name, target=sent.seq, emoji=emoji))
    await run_sql(url, "DELETE FROM reaction_counts")  # as if there were none yet
    await run_step(url, "0003")
    await run_step(url, "0004")
    async with opened(url) as store:
        scene.store = store
        message = (await store.messages(scene.room, scene.id("ben"), limit=9)).messages[0]
        assert message.reactions == {"❤\ufe0f": 2, "👍": 1, "+1": 1}
        assert message.mine == ("❤\ufe0f",)
        await scene.done(scene.draft(kinds.ReactionRemoved, "ann", target=sent.seq, emoji=clean_emoji("❤")))


async def test_papers_of_before_get_versions(url: str) -> None:
    async with opened(url) as store:
        scene = await opened_scene(store)
        await scene.done(scene.draft(kinds.PaperCreated, paper=f"card-{scene.room}", title="T"))
    before = ("DROP TABLE paper_versions", "ALTER TABLE papers DROP COLUMN versions")
    await run_sql(url, *before, "UPDATE alembic_version SET version_num = '0027'")
    async with opened(url) as store:
        paper = await store.paper(f"card-{scene.room}")
        assert paper is not None
        kept = await store.keep_version(paper, NewVersion(title="v", cause=ASKED, user="ann", seq=0, data=b"whole"))
        assert await store.versions(paper) == [kept]
    for step in ("0028", "0029"):
        await run_step(url, step)  # a part of it may be there already
    async with opened(url) as store:
        assert await store.versions(paper) == [kept]


async def test_versions_that_an_older_node_left_behind_are_in_nobodys_way(url: str) -> None:
    """It deletes a paper without its versions, and makes another of the id, which counts its own from 1."""
    async with opened(url) as store:
        scene = await opened_scene(store)
        id = f"card-{scene.room}"
        await scene.done(scene.draft(kinds.PaperCreated, paper=id, title="T"))
        before = await store.paper(id)
        assert before is not None
        new = NewVersion(title="v", cause=ASKED, user="ann", seq=0, data=b"whole")
        await store.keep_version(before, new)
    another = update(papers).where(papers.c.id == id).values(key=before.key ^ 1, versions=0)
    await with_connection(url, lambda c: c.execute(another))
    async with opened(url) as store:
        paper = await store.paper(id)
        assert paper is not None
        kept = await store.keep_version(paper, new)
        assert await store.versions(paper) == [kept]
        assert await store.versions(before) == []
