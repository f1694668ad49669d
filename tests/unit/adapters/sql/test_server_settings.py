"""What a database server must be set to: each wrong setting alone is found, and a good server has none."""

from typing import Any

import pytest

from madang.adapters.sql.server_settings import Misconfiguration, judge_mysql, judge_postgresql, raise_fatal
from madang.errors import SetupError

POSTGRESQL = {
    "version": "15.14 (Debian 15.14-0+deb12u1)", "encoding": "UTF8", "read_only": "off", "standby": False,
    "synchronous_commit": "on", "fsync": "on", "full_page_writes": "on", "connections": 97,
}  # fmt: skip
MARIADB = {
    "version": "10.11.14-MariaDB-0+deb12u2-log", "read_only": 0, "flush": 1, "log_bin": 0, "sync_binlog": 0,
    "doublewrite": 1, "packet": 16 << 20, "connections": 151,
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "problem", "fatal"),
    [
        ({}, "", False),
        ({"version": "12.22"}, "too old (PostgreSQL 12.22)", True),
        ({"version": "9.6.24"}, "too old", True),
        ({"version": "18beta1"}, "", False),
        ({"encoding": "SQL_ASCII"}, "SQL_ASCII", True),
        ({"standby": True, "read_only": "on"}, "standby", True),
        ({"read_only": "on"}, "is read-only", True),
        ({"synchronous_commit": "off"}, "synchronous_commit", True),
        ({"synchronous_commit": "local"}, "", False),
        ({"fsync": "off"}, "fsync", False),
        ({"full_page_writes": "off"}, "full_page_writes", False),
    ],
)
def test_settings_of_postgresql_that_break_promises_are_found(wrong: dict[str, Any], problem: str, fatal: bool) -> None:
    check(list(judge_postgresql(POSTGRESQL | wrong)), problem, fatal)


@pytest.mark.parametrize(
    ("wrong", "problem", "fatal"),
    [
        ({}, "", False),
        ({"version": "10.5.29-MariaDB"}, "too old (MariaDB 10.5.29-MariaDB)", True),
        ({"version": "5.7.44-log"}, "too old (MySQL", True),
        ({"version": "8.0.43"}, "", False),
        ({"read_only": "ON"}, "read_only", True),
        ({"flush": 2}, "innodb_flush_log_at_trx_commit", True),
        ({"flush": 0}, "innodb_flush_log_at_trx_commit", True),
        ({"log_bin": 1}, "sync_binlog", True),
        ({"log_bin": 1, "sync_binlog": 1}, "", False),
        ({"doublewrite": "OFF"}, "innodb_doublewrite", False),
        ({"packet": 1 << 20}, "max_allowed_packet", True),
    ],
)
def test_mariadb_and_mysql(wrong: dict[str, Any], problem: str, fatal: bool) -> None:
    check(list(judge_mysql(MARIADB | wrong)), problem, fatal)


def check(found: list[Misconfiguration], problem: str, fatal: bool) -> None:
    assert [one.fatal for one in found] == ([fatal] if problem else []), found
    assert all(problem in one.problem and one.hint.endswith((".", ";", "NAME")) for one in found), found


def test_what_is_fatal_is_refused_and_the_rest_told() -> None:
    warned, fatal = Misconfiguration("w", "w", fatal=False), Misconfiguration("f", "f")
    assert raise_fatal([warned]) == [warned]
    with pytest.raises(SetupError, match="f"):
        raise_fatal([warned, fatal])
