"""What a read or an append costs the database does not grow with rows that it does not return.

Counted by the databases themselves, in rows of tables and entries of indexes (on SQLite in steps of its machine), with
little and with much of everything that is not asked for: reactions, members who came and went, mentions, messages of the user's
own, hidden rooms.
"""

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, text

from madang.adapters.sql import appending, audit, directory, lookups, messages, reading, tables, unread
from madang.adapters.sql.rows import Head
from madang.core import events as kinds
from madang.core.events import Appended, Draft, draft
from madang.core.ids import IdSource
from madang.core.rooms import Room
from tests.contract.conftest import now_ms, opened
from tests.contract.test_schema_steps import run_sql, with_connection

LITTLE, MUCH = 300, 15_000
ROOM, USER = "sparse", "ben"


class Straight(appending.Tables):
    """Locks nothing: nobody else is there."""

    def lock(self, c: Connection, wanted: Sequence[str]) -> tuple[dict[str, Head], dict[str, Room]]:
        return lookups.heads(c, wanted), directory.some_rooms(c, wanted)


def put(c: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), 1_000):
        c.execute(insert(table), rows[start : start + 1_000])


def fill(c: Connection, much: int) -> None:
    """A room with five messages of ann's, one in the middle of each kind of noise, and `much` noise of each kind."""
    seq, ordinal = 0, 0
    log: list[dict[str, Any]] = []

    def add(type: str, user: str, body: str = "{}", target: int | None = None, own: int | None = None) -> None:
        nonlocal seq, ordinal
        seq += 1
        ordinal += own is not None
        log.append(
            {
                "room": ROOM, "seq": seq, "id": seq, "type": type, "user": user, "name": user, "cid": None, "target": target,
                "body": body, "edit": None, "ordinal": None if own is None else ordinal, "own_ordinal": own,
            }
        )  # fmt: skip

    def say(own: int) -> None:
        add("message.sent", "ann", '{"text":"x"}', own=own)

    add("room.created", "ann", '{"title":"T","access":"open","slow_ms":0}')
    say(1)
    for n in range(much):
        add(("reaction.added", "reaction.removed")[n % 2], "cho", '{"target":2,"emoji":"x"}', target=2)
    say(2)
    for n in range(much):
        add(("member.joined", "member.left")[n % 2], "cho")
    say(3)
    for n in range(much):
        add("message.sent", "ben", '{"text":"mine"}', own=n + 1)
    say(4)
    for _ in range(much):
        add("message.pinned", "ann", '{"target":2}', target=2)
    say(5)
    put(c, tables.events, log)
    put(c, tables.rooms, [{"id": ROOM, "title": "T", "access": "open", "slow_ms": 0, "epoch": "e"}])
    hidden = [{"id": f"a{n:06}", "title": "T", "access": "invite", "slow_ms": 0, "epoch": "e"} for n in range(much)]
    put(c, tables.rooms, hidden)
    member = {"room": ROOM, "name": "N", "role": "member", "read_seq": 1}
    put(
        c,
        tables.members,
        [member | {"user": user, "role": role} for user, role in (("ann", "owner"), ("ben", "member"))],
    )
    put(c, tables.members, [member | {"user": f"u{n:06}"} for n in range(much)])
    put(c, tables.mentions, [{"user": USER, "room": ROOM, "seq": n + 1} for n in range(much)])
    standing = {"room": ROOM, "target": 2, "emoji": "x"}
    put(c, tables.reactions, [standing | {"user": f"u{n:06}", "seq": 3} for n in range(much)])
    put(c, tables.reaction_counts, [standing | {"users": much, "seq": 3}])
    deed = {
        "room": ROOM,
        "at_ms": 1,
        "what": "kick",
        "by": "ann",
        "by_name": "Ann",
        "name": "",
        "reason": "",
        "details": "{}",
    }
    put(c, tables.audit, [deed | {"n": n + 1} for n in range(much)])
    for table in ("events", "rooms", "members", "mentions", "reactions", "audit"):
        c.execute(text(f"ANALYZE {'TABLE ' if c.dialect.name in ('mariadb', 'mysql') else ''}{table}"))


def reads(head: int) -> dict[str, Callable[[Connection], object]]:
    """Every read of the store, as a page of one room's or one user's."""

    def page(before: int | None, after: int | None, limit: int) -> Callable[[Connection], object]:
        return lambda c: messages.page(c, ROOM, "ann", before, after, limit, ())

    middle = head // 2
    return {
        "newest message": page(None, None, 1),
        "five of ann's at the beginning": page(middle, None, 2),
        "before the second": page(3, None, 50),
        "after the first": page(None, 2, 1),
        "after the last": page(None, head, 50),
        "pins": lambda c: messages.pinned(c, ROOM, USER, ()),
        "rooms of ben": lambda c: unread.counted(c, USER, None, "", 50, {}, {}),
        "rooms of ben, who has read much": lambda c: unread.counted(c, USER, None, "", 50, {ROOM: middle}, {}),
        "rooms of ben, who has read all": lambda c: unread.counted(c, USER, None, "", 50, {ROOM: head}, {}),
        "open rooms": lambda c: directory.listed_rooms(c, "", 50, False),
        "all rooms": lambda c: directory.listed_rooms(c, "", 50, True),
        "members": lambda c: directory.members_of(c, ROOM, "", 50),
        "rooms of ben that are given": lambda c: unread.counted(c, USER, [ROOM], "", 50, {}, {}),
        "who reacted": lambda c: messages.reactors(c, ROOM, 2, "a", "", 50, ()),
        "a member": lambda c: directory.some_members(c, [(ROOM, USER)]),
        "a room": lambda c: directory.some_rooms(c, [ROOM]),
        "tail": lambda c: reading.tail(c, ROOM, 50, ()),
        "log": lambda c: reading.read(c, ROOM, 10, 50, ()),
        "heads": lambda c: reading.heads(c, [ROOM], {}),
        "audit": lambda c: audit.entries(c, ROOM, None, 50),
        "audit, from an entry on": lambda c: audit.entries(c, ROOM, 60, 50),
        "pointer": lambda c: directory.set_read(c, [(ROOM, USER, 1)], {}),
    }


def appends(head: int) -> dict[str, Draft]:
    """Every type of event that reads before it writes; the deletion is of a message without reactions."""

    def by(user: str, body: kinds.Body, **more: Any) -> Draft:
        return draft(body, ROOM, user, user, server=user == "ann", **more)

    third = head - 2 * (head // 4) + 1  # any message of ben's
    return {
        "send": by("ben", kinds.MessageSent(text="x"), cid="c"),
        "send with a mention": by("ann", kinds.MessageSent(text="x", mentions=("ben",)), cid="d"),
        "edit": by("ann", kinds.MessageEdited(target=2, text="y")),
        "react": by("ben", kinds.ReactionAdded(target=2, emoji="x")),
        "unreact": by("ben", kinds.ReactionRemoved(target=2, emoji="x")),
        "pin": by("ann", kinds.MessagePinned(target=2)),
        "unpin": by("ann", kinds.MessageUnpinned(target=2)),
        "join": by("dan", kinds.MemberJoined(role="member")),
        "role": by("ann", kinds.RoleGiven(member="dan", role="owner")),
        "rename": draft(kinds.MemberChanged(), ROOM, "ben", "Benjamin"),
        "leave": by("dan", kinds.MemberLeft()),
        "mute": by("ann", kinds.MemberMuted(member="eve")),
        "unmute": by("ann", kinds.MemberUnmuted(member="eve")),
        "ban": by("ann", kinds.MemberKicked(member="eve", banned=True)),
        "unban": by("ann", kinds.MemberUnbanned(member="eve")),
        "kick": by("ann", kinds.MemberKicked(member="ben")),
        "change": by("ann", kinds.RoomChanged(title="U")),
        "delete": by("ann", kinds.MessageDeleted(target=third)),
    }


@contextmanager
def counted(c: Connection, into: dict[str, int], name: str) -> Any:
    """Count what a piece of work costs the database."""
    if c.dialect.name == "sqlite":
        raw = c.connection.driver_connection
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1

        raw.set_progress_handler(step, 10)  # type: ignore[union-attr]
        yield
        raw.set_progress_handler(None, 0)  # type: ignore[union-attr]
        into[name] = steps
        return
    before = visited(c)
    yield
    into[name] = visited(c) - before


def visited(c: Connection) -> int:
    """Return how many rows and entries of indexes a database server has visited for this connection or transaction."""
    if c.dialect.name == "postgresql":
        entries = "SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        return int(c.execute(text(entries)).scalar() or 0)
    rows = c.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'")).all()
    return sum(int(value) for _, value in rows)


async def costs(url: str, much: int) -> dict[str, int]:
    found: dict[str, int] = {}

    def measure(c: Connection) -> None:
        head = reading.heads(c, [ROOM], {})[ROOM]
        for name, read in reads(head).items():
            read(c)  # what is prepared once, is
            with counted(c, found, name):
                read(c)
        ids, ledger = IdSource(1), Straight()
        for name, one in appends(head).items():
            with counted(c, found, name):
                (outcome,) = appending.append(c, [one], ids, now_ms(), ledger)
            assert isinstance(outcome, Appended), (name, outcome)

    async with opened(url):
        pass
    await with_connection(url, lambda c: fill(c, much))
    await with_connection(url, measure)
    return found


@pytest.mark.parametrize(
    "kind",
    [
        "sqlite",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
async def test_nothing_costs_more_in_a_room_full_of_other_rows(kind: str, request: pytest.FixtureRequest) -> None:
    url = str(request.getfixturevalue(f"{kind}_url"))
    little = await costs(url, LITTLE)
    names = [
        table.name for table in tables.metadata.sorted_tables if table.name not in ("installation", "leases", "secrets")
    ]
    await run_sql(url, *(f"DELETE FROM {name}" for name in names))
    much = await costs(url, MUCH)
    grown = {name: (little[name], cost) for name, cost in much.items() if cost > 1.5 * little[name] + 30}
    counted = {name: grown.pop(name) for name in list(grown) if name.startswith("rooms of ben")}
    assert not grown, "it visits rows that it does not return"
    assert all(cost < 2_500 for _, cost in counted.values()), (
        counted
    )  # mentions are counted up to 1,000; MariaDB counts them twice
