"""A database that Madang cannot use, or should not: one clear sentence and how to correct it; doctor sees it, too.

On real servers that are set wrongly on purpose. Each kind of trouble once through the real command line: exit status 2.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from madang.adapters.sql import open_store
from madang.adapters.sql.inspection import Inspection
from madang.adapters.sql.open import inspect_database
from madang.errors import SetupError
from tests.contract.conftest import now_ms
from tests.daemons import free_port
from tests.mariadb import MariadbServer, run_mariadb
from tests.running import madang
from tests.servers import PostgresServer, run_postgres

SECRET = "geheim"


class Case(NamedTuple):
    """A wrong setting: the URL, what is said of it, and a word of how to correct it."""

    url: str
    problem: str
    hint: str


async def assert_refused(case: Case, *, doctor: bool = True) -> None:
    """Open what must be refused, and look at it as doctor does, which changes nothing and so cannot know everything."""
    with pytest.raises(SetupError) as caught:
        await open_store(case.url, now_ms)
    said = [caught.value]
    if doctor:
        said.append(await seen_by_doctor(case.url))
    for error in said:
        assert re.search(case.problem, error.problem), (case, error)
        assert case.hint in error.hint, (case, error)
        assert SECRET not in str(error), "it tells the password"


async def seen_by_doctor(url: str) -> SetupError:
    try:
        found: Inspection = await inspect_database(url)
    except SetupError as error:
        return error
    assert found.refused is not None, "doctor finds nothing"
    return found.refused


async def assert_command_refuses(data: Path, case: Case) -> None:
    done = await madang("serve", "--data", data, "--port", "0", "--admin-port", "0", MADANG_DATABASE=case.url)
    assert done.status == 2, done
    *_, sentence = done.err.strip().splitlines()
    assert re.search(f"^madang: .*{case.problem}", sentence), done.err
    assert case.hint in sentence and SECRET not in done.err


# -- without any server ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [
        Case(f"mongodb://me:{SECRET}@host/db", "does not know the database 'mongodb'", "postgresql://"),
        Case("not a url", "is not a URL", "postgresql://"),
        Case(f"postgresql://me:{SECRET}@host:port/db", "is not a URL", "postgresql://"),
        Case("mysql://root@127.0.0.1", "no database on it", "mysql://"),
        Case("sqlite://", "needs a file", "sqlite:///"),
        Case(f"postgresql://me:{SECRET}@{SECRET}@host/db", "has an @ too many", "%40"),
        *(Case(f"{kind}://host:99999/x", "a port that does not exist", "65535") for kind in ("postgresql", "mysql")),
    ],
)
async def test_a_url_that_means_nothing(case: Case) -> None:
    await assert_refused(case)


@pytest.mark.parametrize(
    "case",
    [
        Case("postgresql://127.0.0.1:1/x?sslmod=require", "does not know: sslmod", "sslmode"),
        Case("postgres://127.0.0.1:1/x?foo=1&sslmode=disable", "does not know: foo", "sslmode"),
        Case("postgresql://127.0.0.1:1/x?sslmode=bogus", "wrong sslmode", "verify-full"),
        Case("postgresql://127.0.0.1:1/x?sslmode=require&sslmode=disable", "sslmode twice", "Keep one"),
        Case("postgresql://127.0.0.1:1/x?statement_cache_size=many", "wrong statement_cache_size", "whole number"),
        Case("postgresql://127.0.0.1:1/x?statement_cache_size=-1", "wrong statement_cache_size", "whole number"),
        Case("postgresql://127.0.0.1:1/x?sslmode=verify-ca&sslrootcert=/nowhere", "wrong sslrootcert", "file"),
        Case(f"postgresql://127.0.0.1:1/x?sslrootcert={__file__}", "is not used", "verify-full"),
        Case(f"postgresql://127.0.0.1:1/x?sslmode=verify-ca&sslrootcert={__file__}", "no certificates", "PEM"),
        Case("postgresql+psycopg2://127.0.0.1:1/x", "another driver for PostgreSQL", "postgresql://"),
        Case("mysql://127.0.0.1:1/x?ssl-mode=PREFERRED", "wrong ssl-mode", "REQUIRED"),
        Case("mysql://127.0.0.1:1/x?local_infile=1", "does not know: local_infile", "ssl-mode"),
        Case("mariadb://127.0.0.1:1/x?charset=latin1", "wrong charset", "utf8mb4"),
        Case("mysql+pymysql://127.0.0.1:1/x", "another driver for MySQL", "mysql://"),
        Case("sqlite:////nowhere/q.db?timeout=3", "SQLite does not know: timeout", "none here"),
        Case("sqlite+aiosqlite:////nowhere/q.db", "another driver for SQLite", "sqlite://"),
    ],
    ids=lambda case: case.url,
)
async def test_an_option_is_understood_or_refused_before_connecting(case: Case) -> None:
    await assert_refused(case)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://127.0.0.1:{}/x?statement_cache_size=0&application_name=yard&sslmode=Prefer",
        "postgresql+asyncpg://127.0.0.1:{}/x?sslmode=verify-full",
        "mysql://127.0.0.1:{}/x?ssl-mode=disabled&charset=utf8mb4",
        "mariadb+asyncmy://127.0.0.1:{}/x?ssl_mode=VERIFY_IDENTITY",
    ],
)
async def test_an_option_that_is_understood_goes_as_far_as_connecting(url: str) -> None:
    await assert_refused(Case(url.format(free_port()), "(cannot be used|does not answer) .*[Cc]onnect", "runs there"))


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
async def test_a_database_where_nobody_listens_is_named(scheme: str) -> None:
    port = free_port()
    problem = f"127.0.0.1:{port} (cannot be used|does not answer) .*[Cc]onnect"
    await assert_refused(Case(f"{scheme}://me:{SECRET}@127.0.0.1:{port}/x", problem, "runs there"))


async def test_the_command_says_it_in_a_sentence(tmp_path: Path) -> None:
    await assert_command_refuses(
        tmp_path, Case(f"mongodb://me:{SECRET}@host/db", "know the database 'mongodb'", "mysql://")
    )


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server that wants a password of some, has databases that are set wrongly, and runs without fsync."""
    with run_postgres(fsync=False, settings={"max_connections": "7"}) as server:
        ways = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (server.data / "pg_hba.conf").write_text(ways)
        sql(server, "SELECT pg_reload_conf()")
        for name in ("fine", "lax", "readonly"):
            server.create_database(name)
        sql(server, f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
        sql(server, "ALTER DATABASE lax SET synchronous_commit = off")
        sql(server, "ALTER DATABASE readonly SET default_transaction_read_only = on")
        sql(server, "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        yield server


def sql(server: PostgresServer, statement: str) -> None:
    command = [str(server.bin / "psql"), "--quiet", "--host=127.0.0.1", f"--port={server.port}", "--username=postgres"]
    subprocess.run([*command, "--command", statement, "postgres"], check=True, timeout=60, capture_output=True)


@pytest.mark.postgres
async def test_postgresql_that_is_set_wrongly(tmp_path: Path, postgres: PostgresServer) -> None:
    guest = f"postgresql://guest:{SECRET}@127.0.0.1:{postgres.port}/"
    for case in (
        Case(postgres.url("missing"), 'database "missing" does not exist', "createdb"),
        Case(guest.replace(SECRET, SECRET * 2) + "fine", "password authentication failed", "Check the user"),
        Case(postgres.url("lax"), "confirms a commit before it is on disk .*synchronous_commit", "ALTER DATABASE"),
        Case(postgres.url("readonly"), "is read-only", "default_transaction_read_only = off"),
        Case(postgres.url("latin"), "encoded in LATIN1", "--encoding=UTF8"),
    ):
        await assert_refused(case)
    await assert_refused(Case(guest + "fine", "permission denied for schema public", "GRANT CREATE"), doctor=False)
    await assert_command_refuses(tmp_path, Case(postgres.url("lax"), "synchronous_commit", "ALTER DATABASE"))


@pytest.mark.postgres
async def test_what_is_only_warned_of_is_warned_of(postgres: PostgresServer, caplog: pytest.LogCaptureFixture) -> None:
    sql(postgres, "ALTER SYSTEM SET full_page_writes = off")
    sql(postgres, "SELECT pg_reload_conf()")
    warned = [one.problem for one in (await inspect_database(postgres.url("fine"))).warnings]
    expected = ["fsync = off", "full_page_writes = off", "accepts 4 connections"]
    assert [name for name in expected if any(name in problem for problem in warned)] == expected
    await (await open_store(postgres.url("fine"), now_ms)).close()
    assert [record.message for record in caplog.records if any(name in record.message for name in expected)]


# -- MariaDB ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariadbServer]:
    """A server whose settings are changed as it runs."""
    with run_mariadb({"log_bin": "binlog", "sync_binlog": "1", "innodb_doublewrite": "0"}) as server:
        server.create_database("fine")
        server.run(f"CREATE USER guest IDENTIFIED BY '{SECRET}'; GRANT SELECT ON fine.* TO guest")
        yield server


@pytest.mark.mariadb
async def test_names_and_passwords_are_any_text_on_mariadb(mariadb: MariadbServer) -> None:
    mariadb.run("CREATE DATABASE `방`; CREATE USER '민아' IDENTIFIED BY '한@é%/'; GRANT ALL ON `방`.* TO '민아'")
    url = f"mysql://{quote('민아')}:{quote('한@é%/', safe='')}@127.0.0.1:{mariadb.port}/{quote('방')}"
    await (await open_store(url, now_ms)).close()
    assert (await inspect_database(url)).schema is not None


@pytest.mark.postgres
async def test_names_and_passwords_are_any_text_on_postgresql(postgres: PostgresServer) -> None:
    sql(postgres, "CREATE ROLE \"민아\" LOGIN PASSWORD '한@é%/'")
    sql(postgres, 'CREATE DATABASE "방" OWNER "민아"')
    url = f"postgresql://{quote('민아')}:{quote('한@é%/', safe='')}@127.0.0.1:{postgres.port}/{quote('방')}"
    await (await open_store(url, now_ms)).close()
    assert (await inspect_database(url)).schema is not None


@pytest.mark.mariadb
async def test_mariadb_that_is_set_wrongly(mariadb: MariadbServer) -> None:
    guest = f"mysql://guest:{SECRET}@127.0.0.1:{mariadb.port}/"
    for case in (
        Case(mariadb.url("missing"), "Unknown database 'missing'", "CREATE DATABASE"),
        Case(guest.replace(SECRET, SECRET * 2) + "fine", "Access denied for user 'guest'", "Check the user"),
        Case(guest + "mysql", "Access denied for user 'guest'@.* to database", "GRANT ALL"),
    ):
        await assert_refused(case)
    await assert_refused(Case(guest + "fine", "command denied to user 'guest'", "GRANT ALL"), doctor=False)
    for setting, corrected, problem, hint in (
        ("innodb_flush_log_at_trx_commit = 2", "= 1", "innodb_flush_log_at_trx_commit is not 1", "Set it to 1"),
        ("sync_binlog = 0", "= 1", "sync_binlog is not 1", "Set it to 1"),
        ("read_only = 1", "= 0", "is read-only", "SET GLOBAL read_only = 0"),
        (
            "max_allowed_packet = 1048576",
            "= 16777216",
            "statements of at most 1048576 bytes",
            "max_allowed_packet = 16777216",
        ),
    ):
        mariadb.run(f"SET GLOBAL {setting}")
        await assert_refused(Case(mariadb.url("fine"), problem, hint))
        mariadb.run(f"SET GLOBAL {setting.partition(' ')[0]} {corrected}")


@pytest.mark.mariadb
async def test_mariadb_that_may_tear_pages_is_warned_of(mariadb: MariadbServer) -> None:
    found = await inspect_database(mariadb.url("fine"))
    assert ["innodb_doublewrite = 0" in one.problem for one in found.warnings] == [True]
