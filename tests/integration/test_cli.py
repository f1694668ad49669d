"""The command line as people and scripts meet it: what it prints, what it exits with, with and without a running server.

`madang chat` and `madang serve` have files of their own.
"""

import asyncio
import json
import os
import re
import socket
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from madang import __version__
from madang.adapters.sql import open_store
from madang.adapters.sql.sqlite_file import lock_file
from madang.cli import admin_client
from tests.rest import rest
from tests.running import Server, madang, madang_in, running_server
from tests.streams import stream

SLOW_IMPORTS: Final = ("fastapi", "pydantic", "sqlalchemy", "uvicorn", "structlog", "msgspec", "madang.node")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running_server(tmp_path) as server:
        yield server


@pytest.fixture(params=["while the server runs", "while none runs"])
async def data(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder that has been used before."""
    async with running_server(tmp_path) as server:
        if request.param == "while none runs":
            await server.stop()
        yield tmp_path


# -- the command itself ------------------------------------------------------------------------------------------------


async def test_help_and_version() -> None:
    assert await madang("--version") == (0, f"madang {__version__}\n", "")
    done = await madang("--help")
    assert done.status == 0
    for command in ("serve", "chat", "doctor", "room", "user", "key", "backup", "restore", "migrate", "upgrade"):
        assert re.search(rf"^  {command} ", done.out, re.MULTILINE)
        assert (await madang(command, "--help")).status == 0
    assert (await madang("nope")).status == 2


async def test_help_imports_nothing_slow() -> None:
    script = f"import sys, madang.cli.main; print([m for m in {SLOW_IMPORTS} if m in sys.modules])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"[]\n"


async def test_a_node_on_sqlite_imports_nothing_that_only_servers_need() -> None:
    unneeded = (
        "sqlalchemy.orm",
        "sqlalchemy.ext.asyncio",
        "alembic",
        "redis",
        "asyncpg",
        "asyncmy",
        "aiohttp",
        "requests",
    )
    script = f"import sys, madang.node.run; print([m for m in {unneeded} if m in sys.modules])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"[]\n"


# -- where there is nothing -------------------------------------------------------------------------------------------


COMMANDS: Final = [
    ["room", "list"], ["room", "create", "yard"], ["room", "show", "lobby"], ["key", "create", "Shop"], ["key", "list"],
    ["key", "drop", "0"], ["key", "consumers", "list", "0"], ["upgrade"], ["upgrade", "--finish"], ["backup", "copy.db"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_only_serve_makes_a_database(command: list[str], tmp_path: Path) -> None:
    done = await madang_in(tmp_path, *command)
    assert done.status == 2
    assert re.search(r"madang: There is no database at .*/data/madang\.db\. Name the folder with --data\.", done.err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("made", [False, True])
async def test_a_command_says_when_a_server_is_starting(made: bool, tmp_path: Path) -> None:
    """Before it has made the database, and before it answers."""
    path = tmp_path / "madang.db"
    if made:
        await (await open_store(f"sqlite:///{path}", lambda: 0)).close()
    lock = await asyncio.to_thread(lock_file, path)
    try:
        done = await madang("key", "create", "Shop", "--data", tmp_path)
    finally:
        os.close(lock)
    assert done.status == 2
    assert ("Another process is using" if made else "yet. If") in done.err
    assert "starting" in done.err and "try again in a moment" in done.err


@pytest.mark.parametrize("command", [["key", "create", "Shop"], ["upgrade"], ["backup", "copy.db"]], ids=" ".join)
async def test_nor_does_a_command_that_names_one(command: list[str], tmp_path: Path) -> None:
    for place, advice in ((["--data", "new"], "Name the folder with --data."),
                          (["--database", "sqlite:///new/madang.db"], "Name another with --database.")):  # fmt: skip
        done = await madang_in(tmp_path, *command, *place)
        assert (done.status, "There is no database at" in done.err) == (2, True)
        assert done.err.rstrip().endswith(advice)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [b"a?b%20c#d&e \xb8\xb6", "마당 á".encode()], ids=repr)
async def test_a_path_is_any_bytes(name: bytes, tmp_path: Path) -> None:
    (data := tmp_path / os.fsdecode(name)).mkdir()
    spoken = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    async with running_server(data) as server:
        await server.stop()
    assert (await madang("room", "list", "--data", data, **spoken)).out.startswith("lobby")
    done = await madang("backup", data / "copy", "--data", data, **spoken)
    assert done.status == 0, done.err
    done = await madang("restore", data / "copy", "--data", data / "again", **spoken)
    assert done.status == 0, done.err
    made = {path.name for path in data.iterdir()}
    assert made >= {"madang.db", "copy", "again"}
    assert {path.name for path in tmp_path.iterdir()} == {data.name}


# -- rooms and keys ----------------------------------------------------------------------------------------------------


async def test_the_secret_of_administration_is_kept(server: Server) -> None:
    note = server.data / admin_client.NOTE
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    secret = json.loads(note.read_text())["secret"]
    assert secret not in server.log.read_text()
    await server.stop()
    assert not note.exists()


async def test_rooms_are_made_listed_shown_and_deleted(data: Path) -> None:
    assert (await madang("room", "create", "yard", "--title", "마당", "--data", data)).out == "yard is open to all.\n"
    await madang("room", "create", "den", "--invite", "--data", data)
    listed = await madang("room", "list", "--data", data)
    assert [line.split() for line in listed.out.splitlines()] == [
        ["den", "den", "(invite)"],
        ["lobby", "Lobby"],
        ["yard", "마당"],
    ]
    shown = await madang("room", "show", "den", "--data", data)
    assert re.search(r"access +invite\n", shown.out)
    assert re.search(r"owner +Madang +\(madang\)\n", shown.out)
    assert (await madang("room", "set", "den", "--write", "moderators", "--data", data)).status == 0
    assert re.search(r"written by +moderators\n", (await madang("room", "show", "den", "--data", data)).out)
    assert (await madang("room", "set", "den", "--write", "nobody", "--data", data)).status == 1
    assert (await madang("room", "archive", "den", "--data", data)).out.startswith("den is archived")
    listed = await madang("room", "list", "--data", data)
    assert any(line.startswith("den ") and line.endswith("(invite, archived)") for line in listed.out.splitlines())
    assert "archived   yes" in (await madang("room", "show", "den", "--data", data)).out
    assert (await madang("room", "unarchive", "den", "--data", data)).out.startswith("den is not archived")
    assert "archived   no" in (await madang("room", "show", "den", "--data", data)).out
    assert (await madang("room", "delete", "den", "--data", data)).out.startswith("den is deleted")
    listed = await madang("room", "list", "--data", data)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["lobby", "yard"]
    for arguments in (
        ["create", "yard"], ["create", "No Such Id"], ["show", "../keys"], ["delete", "lobby"], ["show", "den"],
    ):  # fmt: skip
        done = await madang("room", *arguments, "--data", data)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith("madang: ")


async def test_what_is_not_there_is_named(server: Server) -> None:
    for kind, command, id in (
        ("room", "show", "nope"), ("room", "delete", "a/b"), ("user", "delete", "../keys"), ("key", "drop", "%2f"),
    ):  # fmt: skip
        done = await madang(kind, command, id, "--data", server.data)
        assert (done.status, done.out, done.err) == (1, "", f"madang: There is no {kind} {id!r}.\n")


async def test_keys_are_made_listed_and_dropped(data: Path) -> None:
    made = await madang("key", "create", "Shop", "--data", data)
    key = made.out.strip()
    assert re.fullmatch(r"mk_[0-9a-f]{8}_[\w-]{43}", key)
    listed = await madang("key", "list", "--data", data)
    id = key.split("_")[1]
    assert re.fullmatch(rf"{id}  \d{{4}}-\d\d-\d\d  Shop\n", listed.out)
    assert (await madang("key", "drop", id, "--data", data)).status == 0
    assert (await madang("key", "drop", id, "--data", data)).status == 1
    assert (await madang("key", "list", "--data", data)).out == ""


async def test_a_key_may_have_scopes_and_an_end(data: Path) -> None:
    made = await madang(
        "key", "create", "Shop", "--scope", "publish", "--scope", "read", "--expires", "30d", "--data", data
    )
    assert re.match(r"Keep it as a password: it is for publish, read, until \d{4}-\d\d-\d\d\. ", made.err)
    listed = await madang("key", "list", "--data", data)
    assert re.search(r"  Shop  \(publish, read; until \d{4}-\d\d-\d\d\)\n", listed.out)
    for wrong in (["--scope", "owner"], ["--expires", "soon"], ["--expires", "9999d"]):
        done = await madang("key", "create", "Shop", *wrong, "--data", data)
        assert done.status in (1, 2) and done.out == "", wrong
    assert len((await madang("key", "list", "--data", data)).out.splitlines()) == 1


async def test_a_key_opens_the_running_server_until_it_is_dropped(server: Server) -> None:
    key = (await madang("key", "create", "Shop", "--data", server.data)).out.strip()
    async with rest(server.url) as anyone:
        backend = anyone.server(key)
        await backend.ok("GET", "/api/rooms/lobby/messages")
        await madang("key", "drop", key.split("_")[1], "--data", server.data)
        assert await backend.refused("GET", "/api/rooms/lobby/messages") == "bad_token"


async def test_consumers_of_a_key_are_listed_with_what_they_lack_and_dropped(server: Server) -> None:
    key = (await madang("key", "create", "Shop", "--data", server.data)).out.strip()
    id, on = key.split("_")[1], ("--data", server.data)
    nobody = await madang("key", "consumers", "list", "0", *on)
    assert (nobody.status, nobody.out, nobody.err) == (1, "", "madang: There is no key '0'.\n")
    assert await madang("key", "consumers", "list", id, *on) == (0, "", "")
    async with rest(server.url) as anyone:
        backend = anyone.server(key)
        for name in ("archive", "search"):
            await backend.ok("PUT", f"/api/consumers/{name}")
        room = (await backend.ok("POST", "/api/rooms", {}))["id"]
        said = await backend.ok("POST", f"/api/rooms/{room}/messages", {"text": "a", "as": {"id": "x", "name": "X"}})
        async with stream(server.url, f"/api/rooms/{room}/events", key) as reader:
            epoch = (await reader.until("start"))[-1].data["epoch"]
        await backend.ok("POST", "/api/consumers/search/acks", {"ids": [f"{room}:{said['seq'] - 1}:{epoch}"]})
        await backend.ok("PUT", "/api/consumers/until-now")
    lines = (await madang("key", "consumers", "list", id, *on)).out.splitlines()
    seen = r"  \d{4}-\d\d-\d\d \d\d:\d\d  "
    wanted = {
        "archive": f"{said['seq']} events behind, in 1 rooms", "search": "1 events behind, in 1 rooms", "until-now": "up to date",
    }  # fmt: skip
    for line, (name, state) in zip(lines, wanted.items(), strict=True):
        assert re.fullmatch(name + seen + state, line), line
    assert await madang("key", "consumers", "drop", id, "archive", *on) == (0, "archive is dropped.\n", "")
    for wrong in ("archive", "No Such Name", "../x"):
        done = await madang("key", "consumers", "drop", id, wrong, *on)
        assert (done.status, done.out, done.err) == (1, "", f"madang: The key {id!r} has no consumer {wrong!r}.\n")


async def test_signing_keys_are_rotated_on_the_running_server(server: Server) -> None:
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina")
        nothing = await madang("key", "rotate", "--retire", "--data", server.data)
        assert (nothing.status, nothing.err) == (1, "madang: There is one signing key only; make another first.\n")
        made = await madang("key", "rotate", "--data", server.data)
        assert (
            made.status,
            re.fullmatch(r"\d+ signs in 10 s, on every node\. 1 older stay valid\.\n", made.out) is None,
        ) == (0, False)
        await mina.ok("GET", "/api/me")
        retired = await madang("key", "rotate", "--retire", "--data", server.data)
        if retired.status:  # it is still within those 10 s, unless the machine is very busy
            early = r"madang: The newest key signs in \d+ s; retire the others after that\.\n"
            assert (retired.status, re.fullmatch(early, retired.err) is None) == (1, False)
            await mina.ok("GET", "/api/me")
        else:
            assert await mina.refused("GET", "/api/me") == "bad_token"


async def test_after_a_kill_the_note_is_not_believed(server: Server) -> None:
    await server.kill()
    assert (server.data / admin_client.NOTE).exists()
    assert (await madang("key", "list", "--data", server.data)).status == 0


# -- doctor ------------------------------------------------------------------------------------------------------------


async def examined(data: Path, *arguments: str | Path, **settings: str) -> tuple[int, str]:
    """Run doctor on ports that are likely free; gives its status and what it did not find well."""
    ports = {"MADANG_PORT": "0", "MADANG_ADMIN_PORT": "0", "MADANG_MAX_SOCKETS": "10"}
    done = await madang("doctor", "--data", data, *arguments, **ports | settings)
    bad = re.findall(r"^(?:warn|fail).*\n +-> .*", done.out, re.MULTILINE)
    return done.status, "\n".join(finding for finding in bad if "fsync" not in finding)  # the test's disk may be memory


async def test_doctor_finds_nothing(data: Path) -> None:
    assert await examined(data) == (0, "")


async def test_doctor_changes_nothing(tmp_path: Path) -> None:
    assert await examined(tmp_path / "new") == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "status", "says"),
    [
        ({"MADANG_LOAD_TEST": "1"}, 1, "LOAD TEST"),
        ({"MADANG_PROT": "1", "MADANG_MAX_SOCKETS": "1000000000"}, 0, "max_sockets"),
        ({"MADANG_DATABASE": "postgresql://nobody@127.0.0.1:1/none"}, 1, "waits for it, 300 s at most"),
        ({"MADANG_DATABASE": "nonsense"}, 1, "not a URL"),
    ],
)
async def test_doctor_finds_settings(settings: dict[str, str], status: int, says: str, tmp_path: Path) -> None:
    found = await examined(tmp_path, **settings)
    assert found[0] == status
    assert says in found[1]


async def test_doctor_finds_trouble(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        await server.stop()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status, found = await examined(tmp_path, MADANG_PORT=str(taken.getsockname()[1]))
    assert (status, "cannot be listened on" in found) == (1, True)

    database = tmp_path / "madang.db"
    with closing(sqlite3.connect(database)) as c, c:
        c.execute("UPDATE alembic_version SET version_num = '9999'")
        c.execute("INSERT OR REPLACE INTO installation VALUES ('oldest', '9999')")
    status, found = await examined(tmp_path)
    assert (status, "newer Madang" in found) == (1, True)

    database.write_bytes(b"this is not a database" * 1000)
    status, found = await examined(tmp_path)
    assert (status, "cannot be read" in found) == (1, True)

    status, found = await examined(database)
    assert (status, "cannot be written to" in found) == (1, True)


# -- backup and restore ------------------------------------------------------------------------------------------------


async def test_a_backup_of_a_running_server_is_restored(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    copy = elsewhere / "backup"
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "kept"})
        done = await madang("backup", copy, "--data", server.data)
        assert done.status == 0
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "too late"})
    assert (await madang("backup", copy, "--data", server.data)).status == 2, "a backup is not overwritten"
    assert (await madang("restore", copy, "--data", server.data)).status == 2, "nor are data"
    assert (await madang("restore", copy, "--data", elsewhere / "data")).status == 0
    async with running_server(elsewhere / "data") as restored, rest(restored.url) as anyone:
        mina = anyone.server(mina.token)  # the token still holds, for the secret is in the backup
        messages = (await mina.ok("GET", "/api/rooms/lobby/messages"))["messages"]
    assert [message["text"] for message in messages] == ["kept"]


async def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no-backup").write_text("x")
    for file, says in (
        ("no-backup", f"{tmp_path}/no-backup is not a database of Madang, or is damaged."),
        ("missing", f"There is no file {tmp_path}/missing."),
        ("", f"{tmp_path} cannot be read: Is a directory."),
    ):
        done = await madang("restore", tmp_path / file, "--data", tmp_path / "data")
        assert (done.status, done.out, done.err) == (2, "", f"madang: {says} Name another file.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["no-backup"], "a refused restore makes nothing"
    done = await madang("backup", tmp_path / "b", "--data", tmp_path / "data")
    assert (done.status, done.out) == (2, ""), "it does not say that it has begun"


# -- on PostgreSQL -----------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    on_it = ("--data", tmp_path, "--database", postgres_url)
    status, found = await examined(tmp_path, "--database", postgres_url)
    assert (status, found) == (0, "")
    done = await madang("key", "create", "Shop", *on_it)
    assert (done.status, "There is no data of Madang at" in done.err) == (2, True)
    async with running_server(tmp_path, "--database", postgres_url) as server:
        await server.stop()
    key = (await madang("key", "create", "Shop", *on_it)).out.strip()
    async with running_server(tmp_path, "--database", postgres_url) as server, rest(server.url) as anyone:
        await anyone.server(key).ok("GET", "/api/rooms/lobby/messages")
        assert "Shop" in (await madang("key", "list", *on_it)).out
        assert "schema 0" in (await madang("doctor", *on_it)).out
    done = await madang("backup", tmp_path / "copy", *on_it)
    assert done.status == 2
    assert "pg_dump" in done.err
