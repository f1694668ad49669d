"""Who may come in and write, and what moderators do and are told."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, Table

from madang.adapters.sql.tables.columns import metadata, prose, words

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
# Invites that end with a right of whoever made them.
Index("invites_by", invites.c.by, invites.c.room)

word_lists = Table(
    "word_lists",
    metadata,
    # (room): one list; that of the server has an empty id. At most 5,001 rows, whose versions are read as a whole.
    Column("room", words(64), primary_key=True),
    Column("words", prose(), nullable=False),  # a JSON object
    Column("version", BigInteger, nullable=False),  # another with each change
    sqlite_with_rowid=False,
)

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
# Those that name a user who is erased.
Index("audit_by", audit.c.by)
Index("audit_user", audit.c.user)
