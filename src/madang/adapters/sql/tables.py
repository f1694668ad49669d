"""The tables, as they are after all migrations; a test compares the two.

Tables, keys, and for every index the query that it serves. The history of the schema is in `migrations/`; no query is here.

There is no "last_seq" column and no counter per member: a room's newest seq is read from the log by key, so that nothing
can disagree with the log, and a message writes nothing but itself.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.types import TypeEngine

from madang.adapters.sql import dialects
from madang.adapters.sql.dialects import MARIADB_COLLATION, MYSQL_COLLATION


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


def partial(name: str, condition: Any, *columns: Column[Any], whole: tuple[Column[Any], ...]) -> None:
    """Declare an index of the rows that a condition names; on MySQL, whose indexes hold all rows, one that begins with it.

    The latter's name is in `dialects.whole`. Rows that a query does not return are in neither of its ranges.
    """
    Index(name, *columns, sqlite_where=condition, postgresql_where=condition, info={"only": ("sqlite", "postgresql")})
    Index(dialects.whole(name), *whole, info={"only": ("mariadb", "mysql")})


metadata = MetaData()

# The log. `body` is the event's JSON text; the time is in the id. Only two kinds of row are ever changed:
# a message.sent gets `edit`, the seq of its newest edit, and a deletion erases the text of it and of its edits.
events = Table(
    "events",
    metadata,
    # (room, seq): tail, read, newest seq. Clustered on SQLite.
    Column("room", words(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, nullable=False),
    Column("type", words(32), nullable=False),
    Column("user", words(64), nullable=False),
    Column("name", words(64), nullable=False),
    Column("cid", words(64)),
    Column("target", BigInteger),
    Column("body", prose(), nullable=False),
    Column("edit", BigInteger),
    # Of a message: which of the room's it is, and which of its user's in the room (`ordinals.py`). None before 0004.
    Column("ordinal", BigInteger),
    Column("own_ordinal", BigInteger),
    sqlite_with_rowid=False,
)
# A repeated cid finds its event, for good; also the last guard against storing it twice.
Index(
    "events_cid",
    events.c.room,
    events.c.user,
    events.c.cid,
    unique=True,
    sqlite_where=events.c.cid.is_not(None),
    postgresql_where=events.c.cid.is_not(None),
)
# Pages of messages, and the newest message up to a seq, whatever else is in the log between them.
partial(
    "events_messages",
    events.c.type == "message.sent",
    events.c.room,
    events.c.seq,
    whole=(events.c.room, events.c.type, events.c.seq),
)
# A user's newest message up to a seq.
partial(
    "events_own",
    events.c.type == "message.sent",
    events.c.room,
    events.c.user,
    events.c.seq,
    whole=(events.c.room, events.c.user, events.c.type, events.c.seq),
)
# A deletion finds the edits of its message.
partial(
    "events_edits",
    events.c.type == "message.edited",
    events.c.room,
    events.c.target,
    whole=(events.c.room, events.c.target, events.c.type),
)

rooms = Table(
    "rooms",
    metadata,
    # (id): one room; on a database server, appends of several nodes queue at its row.
    Column("id", words(64), primary_key=True),
    Column("title", words(64), nullable=False),
    Column("access", words(16), nullable=False),
    Column("slow_ms", Integer, nullable=False),
    Column("epoch", words(32), nullable=False),
    Column("archived", Boolean(), nullable=False, server_default=false()),
    Column("write", words(16), nullable=False, server_default="everyone"),
    Column("history", words(16), nullable=False, server_default="all"),
    Column("keep_ms", BigInteger, nullable=False, server_default="0"),
    Column("keep_messages", BigInteger, nullable=False, server_default="0"),
    Column("purged_seq", BigInteger, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
# The list of open rooms, paged by id.
Index(
    "rooms_open",
    rooms.c.id,
    sqlite_where=rooms.c.access == "open",
    postgresql_where=rooms.c.access == "open",
)
# The same on MySQL, which would walk the rooms that are not open.
Index("rooms_open_whole", rooms.c.access, rooms.c.id, info={"only": ("mariadb", "mysql")})

members = Table(
    "members",
    metadata,
    # (room, user): one membership; a room's members, paged by user.
    Column("room", words(64), primary_key=True),
    Column("user", words(64), primary_key=True),
    Column("name", words(64), nullable=False),
    Column("role", words(16), nullable=False),
    Column("read_seq", BigInteger, nullable=False),
    Column("origin", words(64)),  # of a guest: a hash of the address they joined from
    Column("picture", prose()),
    Column("joined_seq", BigInteger, nullable=False, server_default="0"),  # of their member.joined; 0 before 0019
    sqlite_with_rowid=False,
)
# A user's rooms, paged by room.
Index("members_user", members.c.user, members.c.room)
# Whether a room has another owner, without walking its members. The role is for MySQL, which has no partial indexes.
Index(
    "members_owner",
    members.c.room,
    members.c.role,
    sqlite_where=members.c.role == "owner",
    postgresql_where=members.c.role == "owner",
)

users = Table(
    "users",
    metadata,
    # (id): when users were seen, and their profiles; walked to find those who have been away for long.
    Column("id", words(64), primary_key=True),
    Column("seen_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger),
    # What they say of themselves; None before they do. And when they got another name.
    Column("name", words(64)),
    Column("picture", prose()),
    Column("locale", words(64)),
    Column("named_ms", BigInteger),
    Column("vouched_ms", BigInteger),  # of outside users: the end of the token that said it
    sqlite_with_rowid=False,
)
# Who was renamed lately: every node asks every second.
Index(
    "users_named",
    users.c.named_ms,
    users.c.id,
    sqlite_where=users.c.named_ms.is_not(None),
    postgresql_where=users.c.named_ms.is_not(None),
)
# Who was deleted lately: every node asks every few seconds.
Index(
    "users_deleted",
    users.c.deleted_ms,
    sqlite_where=users.c.deleted_ms.is_not(None),
    postgresql_where=users.c.deleted_ms.is_not(None),
)

mentions = Table(
    "mentions",
    metadata,
    # (user, room, seq): how many are above a read pointer. A row while the message mentions the user.
    Column("user", words(64), primary_key=True),
    Column("room", words(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

reactions = Table(
    "reactions",
    metadata,
    # (room, target, emoji, user): one reaction.
    Column("room", words(64), primary_key=True),
    Column("target", BigInteger, primary_key=True, autoincrement=False),
    Column("emoji", words(32), primary_key=True),
    Column("user", words(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the reaction.added
    sqlite_with_rowid=False,
)
# A user's own reactions to a page of messages.
Index("reactions_user", reactions.c.room, reactions.c.user, reactions.c.target)

# How many users react with an emoji. A page of 200 messages may have 4,000 of these, and millions of reactions.
reaction_counts = Table(
    "reaction_counts",
    metadata,
    # (room, target, emoji): the emojis of a page of messages.
    Column("room", words(64), primary_key=True),
    Column("target", BigInteger, primary_key=True, autoincrement=False),
    Column("emoji", words(32), primary_key=True),
    Column("users", BigInteger, nullable=False),
    Column(
        "seq", BigInteger, nullable=False
    ),  # of the first reaction.added: emojis are shown in order of their first use
    sqlite_with_rowid=False,
)

pins = Table(
    "pins",
    metadata,
    # (room, target): a room's pins, in order of their seq.
    Column("room", words(64), primary_key=True),
    Column("target", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# Who was kicked and has not been let in again. Written and read by effects alone.
kicks = Table(
    "kicks",
    metadata,
    # (room, user): whether one user may join; those of a room that are over.
    Column("room", words(64), primary_key=True),
    Column("user", words(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),  # of the member.kicked
    Column("until_ms", BigInteger, nullable=False),
    Column("origin", words(64)),  # as in `members`
    sqlite_with_rowid=False,
)
# Those of a user who is forgotten.
Index("kicks_user", kicks.c.user)

# Who is banned. Written by effects alone.
bans = Table(
    "bans",
    metadata,
    # (room, user): whether one user may join; those of a room, paged by user.
    Column("room", words(64), primary_key=True),
    Column("user", words(64), primary_key=True),
    Column("name", words(64), nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the member.kicked
    Column("by", words(64), nullable=False),
    Column("reason", prose(), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("origin", words(64)),
    Column("origin_until_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Those of a user who is forgotten.
Index("bans_user", bans.c.user)
# Whether guests may join who come from where a banned one did.
Index(
    "bans_origin",
    bans.c.origin,
    sqlite_where=bans.c.origin.is_not(None),
    postgresql_where=bans.c.origin.is_not(None),
)

# Who may not write. Written by effects alone.
mutes = Table(
    "mutes",
    metadata,
    # (room, user): whether one user may write; those of a room, paged by user.
    Column("room", words(64), primary_key=True),
    Column("user", words(64), primary_key=True),
    Column("name", words(64), nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the member.muted
    Column("by", words(64), nullable=False),
    Column("reason", prose(), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Those of a user who is forgotten.
Index("mutes_user", mutes.c.user)

# What was done by the rights of moderators and owners. Written in the transactions that do it, and never changed.
audit = Table(
    "audit",
    metadata,
    # (room, n): a room's entries, paged from the newest; its newest number.
    Column("room", words(64), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", words(16), nullable=False),
    Column("by", words(64), nullable=False),
    Column("by_name", words(64), nullable=False),
    Column("user", words(64)),
    Column("name", words(64), nullable=False),
    Column("reason", prose(), nullable=False),
    Column("details", prose(), nullable=False),  # a JSON object
    sqlite_with_rowid=False,
)
# Those that are old enough to be forgotten.
Index("audit_at", audit.c.at_ms)

# What members have told moderators of messages.
reports = Table(
    "reports",
    metadata,
    # (room, seq, user): whether a user has reported a message; the reports of one that is deleted.
    Column("room", words(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("user", words(64), primary_key=True),
    Column("name", words(64), nullable=False),
    Column("author", words(64), nullable=False),  # of the message
    Column("author_name", words(64), nullable=False),
    Column("reason", prose(), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("open", SmallInteger, nullable=False),  # 1 until it is resolved, then 0
    Column("gone", SmallInteger, nullable=False),  # 1 once the message is deleted
    sqlite_with_rowid=False,
)
# A room's queue, paged by message, and how long it is.
Index("reports_open", reports.c.room, reports.c.open, reports.c.seq)
# Those of a user who is forgotten.
Index("reports_user", reports.c.user)
# Those that are old enough to be forgotten.
Index("reports_at", reports.c.at_ms)

word_lists = Table(
    "word_lists",
    metadata,
    # (room): one list; that of the server has an empty id. At most 5,001 rows, whose versions are read as a whole.
    Column("room", words(64), primary_key=True),
    Column("words", prose(), nullable=False),  # a JSON object
    Column("version", BigInteger, nullable=False),  # another with each change
    sqlite_with_rowid=False,
)

invites = Table(
    "invites",
    metadata,
    # (room, id): one invite; those of a room, at most 100.
    Column("room", words(64), primary_key=True),
    Column("id", words(16), primary_key=True),
    Column("hash", words(64), nullable=False),
    Column("by", words(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("uses", Integer),
    Column("until_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Invites that end with a right of who made them.
Index("invites_by", invites.c.by, invites.c.room)

# Connection tickets that were used, for as long as they could be shown again.
used_tickets = Table(
    "used_tickets",
    metadata,
    # (id): whether one was used.
    Column("id", words(32), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Those that are over.
Index("used_tickets_until", used_tickets.c.until_ms)

accounts = Table(
    "accounts",
    metadata,
    # (login): one account; all of them, paged by login.
    Column("login", words(64), primary_key=True),
    Column("user", words(64), nullable=False),
    Column("name", words(64), nullable=False),
    Column("hash", words(255), nullable=False),
    Column("admin", SmallInteger, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("code", words(64), nullable=False),
    Column("code_until_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# The account of a user who changes their password, or is deleted.
Index("accounts_user", accounts.c.user, unique=True)

account_sessions = Table(
    "account_sessions",
    metadata,
    # (id): one that is noted, or ends.
    Column("id", words(32), primary_key=True),
    Column("user", words(64), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Those of a user, of which 50 last.
Index("account_sessions_user", account_sessions.c.user, account_sessions.c.ended_ms)
# Those that ended lately: every node asks every second.
Index("account_sessions_ended", account_sessions.c.ended_ms, account_sessions.c.id)
# Those that are forgotten, because they were not seen for long.
Index("account_sessions_seen", account_sessions.c.seen_ms)

server_keys = Table(
    "server_keys",
    metadata,
    # (id): delete one. At most 1,000 rows, so the list needs no index.
    Column("id", words(64), primary_key=True),
    Column("label", words(200), nullable=False),
    Column("hash", words(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("scopes", words(64)),  # None: all
    Column("expires_ms", BigInteger),  # None: never
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", words(32), primary_key=True),
    Column("value", LargeBinary(), nullable=False),
)

leases = Table(
    "leases",
    metadata,
    # (node): at most 1,024 rows, read as a whole to find the lowest free number.
    Column("node", SmallInteger, primary_key=True, autoincrement=False),
    Column("holder", words(255), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("floor_ms", BigInteger, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    # (name): one fact of this database (`installation.py`). A handful of rows, and none in most databases.
    Column("name", words(32), primary_key=True),
    Column("value", words(255), nullable=False),
)
