"""Types of columns, and indexes of some rows, as each kind of database has them; and the metadata that all tables are in."""

from typing import Any, Final

from sqlalchemy import Column, Index, LargeBinary, MetaData, String, Text
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT
from sqlalchemy.types import TypeEngine

from madang.adapters.sql import dialects
from madang.adapters.sql.dialects import MARIADB_COLLATION, MYSQL_COLLATION

metadata: Final = MetaData()


def words(length: int) -> TypeEngine[str]:
    """Return the type of text that may be part of a key: compared and sorted by its bytes on every database.

    The length is for MariaDB, whose keys need one (utf8mb4: 4 bytes each, 3,072 in all). PostgreSQL gets none: there
    it would only turn one draft's overlong word into a failure of its whole batch.
    """
    everywhere = String(length).with_variant(Text(collation="C"), "postgresql")
    mariadb, mysql = (String(length, collation=collation) for collation in (MARIADB_COLLATION, MYSQL_COLLATION))
    return everywhere.with_variant(mariadb, "mariadb").with_variant(mysql, "mysql")


def prose() -> TypeEngine[str]:
    """Return the type of text that is never compared. MySQL's TEXT ends at 64 KB and uses the database's character set."""
    return Text().with_variant(MEDIUMTEXT(charset="utf8mb4"), "mariadb", "mysql")


def octets() -> TypeEngine[bytes]:
    """Return the type of bytes. MySQL's BLOB ends at 64 KB."""
    return LargeBinary().with_variant(MEDIUMBLOB(), "mariadb", "mysql")


def partial(name: str, condition: Any, *columns: Column[Any], whole: tuple[Column[Any], ...]) -> None:
    """Declare an index of the rows that a condition names; on MySQL, whose indexes hold all rows, one that begins with it.

    The latter's name is in `dialects.whole`. Rows that a query does not return are in neither of its ranges.
    """
    Index(name, *columns, sqlite_where=condition, postgresql_where=condition, info={"only": ("sqlite", "postgresql")})
    Index(dialects.whole(name), *whole, info={"only": ("mariadb", "mysql")})
