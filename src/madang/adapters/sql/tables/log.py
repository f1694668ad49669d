"""The log of rooms, and what effects keep of it: settings, members, mentions, reactions and pins.

There is no "last_seq" column and no counter per member: a room's newest seq is read from the log by key, so that nothing
can disagree with the log, and a message writes nothing but itself.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, false

from madang.adapters.sql.tables.columns import metadata, partial, prose, words

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

# What else a user did, for its erasure. MySQL has it in `events_own`.
Index(
    "events_deeds",
    events.c.room,
    events.c.user,
    events.c.seq,
    sqlite_where=events.c.type != "message.sent",
    postgresql_where=events.c.type != "message.sent",
    info={"only": ("sqlite", "postgresql")},
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
