"""Users: when they were seen, what they say of themselves, how they sign in, and what of them is erased."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table

from madang.adapters.sql.tables.columns import metadata, prose, words

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

# How the logins of accounts look: no new one looks like another. Those from before 0023 may.
logins = Table(
    "logins",
    metadata,
    # (login): one that is deleted.
    Column("login", words(64), primary_key=True),
    Column("look", words(64), nullable=False),
    sqlite_with_rowid=False,
)
# Whether there is one that looks so.
Index("logins_look", logins.c.look)

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

# Of which deleted users what they said, or their name, is erased, and how far that is.
erasures = Table(
    "erasures",
    metadata,
    # (user): one erasure; all of them, paged by user.
    Column("user", words(64), primary_key=True),
    Column("said", words(16), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
    Column("room", words(64), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("rooms", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
# Those that are not done, paged by user, and those that were long ago.
Index("erasures_done", erasures.c.done_ms, erasures.c.user)
