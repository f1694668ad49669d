"""Log, directory and leases in SQL: SQLite without any server; PostgreSQL, MariaDB or MySQL for a fleet. One set of queries."""

from madang.adapters.sql.backup import backup, restore
from madang.adapters.sql.copying import Stopped, copy
from madang.adapters.sql.inspection import Inspection
from madang.adapters.sql.open import finish_upgrade, inspect_database, need_database, open_store, place
from madang.adapters.sql.store import Store

__all__ = [
    "Inspection", "Stopped", "Store", "backup", "copy", "finish_upgrade", "inspect_database",
    "need_database", "open_store", "place", "restore",
]  # fmt: skip
