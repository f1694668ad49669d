"""How a database server must be set so that an ack is true. Read once at start, and by `madang doctor`.

How a server is reached, and what its errors mean, is in `postgresql.py` and `mysql.py`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, text

from madang.adapters.sql.dialects import MYSQL
from madang.errors import SetupError

OLDEST: Final = {"PostgreSQL": (13, 0), "MariaDB": (10, 6), "MySQL": (8, 0)}
LEAST_PACKET: Final = 4 << 20  # bytes: a driver joins rows up to 1 MB, then adds the largest row, escaped
SHARE: Final = 8  # connections of a node's pools: that of the store, and that of the search index


class Misconfiguration(NamedTuple):
    """A setting of a server that should be another. A `fatal` one makes acks untrue, or appends fail."""

    problem: str
    hint: str
    fatal: bool = True


_POSTGRESQL: Final = """
    SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding,
        current_setting('transaction_read_only') AS read_only, pg_is_in_recovery() AS standby,
        current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS full_page_writes,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS connections
"""
_MYSQL: Final = """
    SELECT version() AS version, @@read_only AS read_only, @@innodb_flush_log_at_trx_commit AS flush, @@log_bin AS log_bin,
        @@sync_binlog AS sync_binlog, @@innodb_doublewrite AS doublewrite, @@max_allowed_packet AS packet,
        @@max_connections AS connections
"""


def misconfigurations(c: Connection, nodes: int = 1) -> list[Misconfiguration]:
    """Return what is wrong with the settings of a connection's server, the fatal ones first.

    Args:
        nodes: how many will use it.
    """
    mysql = c.dialect.name in MYSQL
    row = dict(c.execute(text(_MYSQL if mysql else _POSTGRESQL)).mappings().one())
    found = [*(judge_mysql(row) if mysql else judge_postgresql(row)), *_crowded(row, nodes)]
    return sorted(found, key=lambda one: not one.fatal)


def judge_postgresql(row: Mapping[str, Any]) -> Iterator[Misconfiguration]:
    """Yield what is wrong in a row of `_POSTGRESQL`."""
    yield from _old("PostgreSQL", row["version"])
    if row["encoding"] != "UTF8":
        yield Misconfiguration(
            f"The database is encoded in {row['encoding']}, which cannot hold all text.",
            "Create it again: createdb --encoding=UTF8 --template=template0 NAME",
        )
    if row["standby"]:
        yield Misconfiguration(
            "This PostgreSQL is a standby, which is read-only.", "Name the primary in MADANG_DATABASE."
        )
    elif row["read_only"] == "on":
        yield Misconfiguration(
            "PostgreSQL is read-only here (default_transaction_read_only = on).",
            "Set it to off: ALTER DATABASE … SET default_transaction_read_only = off; and for the role, if it is set there.",
        )
    if row["synchronous_commit"] == "off":
        yield Misconfiguration(
            "PostgreSQL confirms a commit before it is on disk (synchronous_commit = off).",
            "Set it to on, for this database at least: ALTER DATABASE … SET synchronous_commit = on;",
        )
    for name in ("fsync", "full_page_writes"):
        if row[name] == "off":
            yield Misconfiguration(
                f"PostgreSQL runs with {name} = off: a power failure can lose messages that were acked as stored.",
                f"Set {name} = on in postgresql.conf.",
                fatal=False,
            )


def judge_mysql(row: Mapping[str, Any]) -> Iterator[Misconfiguration]:
    """Yield what is wrong in a row of `_MYSQL`."""
    yield from _old("MariaDB" if "MariaDB" in row["version"] else "MySQL", row["version"])
    if str(row["read_only"]) not in ("0", "OFF"):
        yield Misconfiguration(
            "The database server is read-only (read_only is on).",
            "Name the primary in MADANG_DATABASE, or SET GLOBAL read_only = 0;",
        )
    if str(row["flush"]) != "1":
        yield Misconfiguration(
            "The database confirms a commit before it is on disk (innodb_flush_log_at_trx_commit is not 1).",
            "Set it to 1: SET GLOBAL innodb_flush_log_at_trx_commit = 1; and in the server's configuration.",
        )
    if str(row["log_bin"]) not in ("0", "OFF") and str(row["sync_binlog"]) != "1":
        # With a binary log, it decides what was committed: recovery rolls back what the binary log lost.
        yield Misconfiguration(
            "The database confirms a commit before it is on disk (it has a binary log, and sync_binlog is not 1).",
            "Set it to 1: SET GLOBAL sync_binlog = 1; and in the server's configuration.",
        )
    if int(row["packet"]) < LEAST_PACKET:
        yield Misconfiguration(
            f"The database accepts statements of at most {row['packet']} bytes (max_allowed_packet), too few for many messages.",
            "Set it to its default of 16 MB: SET GLOBAL max_allowed_packet = 16777216; and in the server's configuration.",
        )
    if str(row["doublewrite"]) in ("0", "OFF"):
        yield Misconfiguration(
            "The database runs with innodb_doublewrite = 0: a power failure can tear pages with messages acked as stored.",
            "Set innodb_doublewrite = 1 in the server's configuration, unless its disk writes pages whole.",
            fatal=False,
        )


def _old(server: str, version: str) -> Iterator[Misconfiguration]:
    numbers = re.match(r"(\d+)(?:\.(\d+))?", version)
    if numbers is None or (int(numbers[1]), int(numbers[2] or 0)) < OLDEST[server]:
        oldest = "{}.{}".format(*OLDEST[server])
        yield Misconfiguration(
            f"The database server is too old ({server} {version}).", f"Madang needs {server} {oldest} or newer."
        )


def _crowded(row: Mapping[str, Any], nodes: int) -> Iterator[Misconfiguration]:
    needed = nodes * SHARE
    if int(row["connections"]) < needed:
        yield Misconfiguration(
            f"The database accepts {row['connections']} connections, and {nodes} nodes use up to {needed}.",
            "Raise max_connections in the server's configuration.",
            fatal=False,
        )


def raise_fatal(found: list[Misconfiguration]) -> list[Misconfiguration]:
    """Return the rest, for warnings, unless one is fatal. Raises SetupError for the first fatal one."""
    for one in found:
        if one.fatal:
            raise SetupError(one.problem, one.hint)
    return found
