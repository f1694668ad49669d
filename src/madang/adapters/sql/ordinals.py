"""Ordinals: how many messages a room had at a place in its log, and how many of them were one user's.

Each message.sent carries both numbers, as of itself (`events.ordinal`, `events.own_ordinal`). So the messages of others
above a read pointer are a difference of four look-ups by key, however many there are, and nothing is counted up anywhere.

Rows that versions before 0004 wrote carry neither until `numbering.py` has been there. What is asked at such a row is
counted by the index up to it: right, and slower.
"""

from typing import Final

from madang.adapters.sql.dialects import forced

_UPTO: Final = """
    coalesce((
        SELECT coalesce(o.{ordinal}, (
            SELECT count(*) FROM {counted} WHERE n.room = o.room AND n.type = 'message.sent' AND {same}n.seq <= o.seq
        ))
        FROM {newest} WHERE o.room = {room} AND o.type = 'message.sent'{mine}{bound} ORDER BY o.seq DESC LIMIT 1
    ){purged}, 0)
"""
_PURGED: Final = """, (
        SELECT o.{ordinal} - 1
        FROM {newest} WHERE o.room = {room} AND o.type = 'message.sent'{mine} AND o.seq > {upto} ORDER BY o.seq LIMIT 1
    )"""
"""Where a room keeps none up to there, it is one less than the first that it keeps."""


def messages(dialect: str, room: str, upto: str | None = None) -> str:
    """Return the SQL of the number of messages of a room, up to a seq. The arguments are SQL, too; with a seq they stand there twice."""
    return _sql(dialect, "events_messages", "ordinal", room, None, upto)


def own(dialect: str, room: str, user: str, upto: str | None = None) -> str:
    """Return the SQL of the number of messages of a user in a room, up to a seq."""
    return _sql(dialect, "events_own", "own_ordinal", room, user, upto)


def _sql(dialect: str, index: str, ordinal: str, room: str, user: str | None, upto: str | None) -> str:
    newest, mine = forced(dialect, "events", index, "o"), "" if user is None else f" AND o.user = {user}"
    purged = _PURGED.format(ordinal=ordinal, newest=newest, room=room, mine=mine, upto=upto)
    return _UPTO.format(
        ordinal=ordinal,
        counted=forced(dialect, "events", index, "n"),
        newest=newest,
        room=room,
        same="" if user is None else "n.user = o.user AND ",
        mine=mine,
        bound="" if upto is None else f" AND o.seq <= {upto}",
        purged="" if upto is None else purged,
    )
