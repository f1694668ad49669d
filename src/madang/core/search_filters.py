"""What narrows a search besides its words: a room, a user, a time. Given beside the query, or in it as `from:`, `in:`, `before:`, `after:`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from madang.core.ids import EPOCH_MS
from madang.core.search import WORDS, Needle, Query, parsed
from madang.core.user_ids import FOREIGN
from madang.errors import Refused

_OPERATOR: Final = re.compile(r"(from|in|before|after|has):(\S+)", re.ASCII).fullmatch
_ROOM: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII).fullmatch
_USER: Final = re.compile(FOREIGN, re.ASCII).fullmatch
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch
_LATEST_MS: Final = 253_370_764_800_000  # 9999: some days before the last moment that there is
LINK: Final = Needle("://", marked=False)
"""What a message has that `has:link` finds."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is searched for, and where.

    Attributes:
        rooms: all of which must be it; none for any room.
        users: all of whom must be who said it; none for anybody.
        since_ms, until_ms: Unix milliseconds, both included.
    """

    query: Query
    rooms: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    since_ms: int = EPOCH_MS
    until_ms: int = _LATEST_MS


def wanted(
    q: str, *, room: str | None = None, user: str | None = None, since: str | None = None, until: str | None = None
) -> Wanted:
    """Return what is meant by a query and the filters beside it (bad_field).

    An operator is one only where a value of its kind follows; else it is a word.
    """
    rooms = set[str]() if room is None else {room}
    users = set[str]() if user is None else {user}
    since_ms = [EPOCH_MS] if since is None else [EPOCH_MS, time_ms(since, "from")]
    until_ms = [_LATEST_MS] if until is None else [_LATEST_MS, time_ms(until, "to")]
    more: list[Needle] = []
    rest: list[str] = []
    for found in WORDS.finditer(q):
        operator = _OPERATOR(found[0])
        name, value = operator.groups() if operator else ("", "")
        if name == "in" and _ROOM(value):
            rooms.add(value)
        elif name == "from" and _USER(value):
            users.add(value)
        elif name == "has" and value == "link":
            more.append(LINK)
        elif name in ("before", "after") and (ms := _moment(value)) is not None:
            if name == "before":
                until_ms.append(ms - 1)
            else:
                since_ms.append(ms)
        else:
            rest.append(found[0])
    query = parsed(" ".join(rest))
    return Wanted(
        query=Query((*query.needles, *more)), rooms=frozenset(rooms), users=frozenset(users), since_ms=max(since_ms),
        until_ms=min(until_ms),
    )  # fmt: skip


def time_ms(text: str, field: str) -> int:
    """Return the Unix milliseconds of a time or date in ISO 8601, in UTC where it does not say (bad_field)."""
    if (found := _moment(text)) is None:
        raise Refused("bad_field", f"{field}: a time, such as 2026-11-22T09:00:00.123Z, or a date.")
    return found


def _moment(text: str) -> int | None:
    if len(text) > 40 or not text.isascii() or not (_DATE(text) or "T" in text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return min((found - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1), _LATEST_MS)
