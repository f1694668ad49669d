"""From a batch of drafts to outcomes, in one transaction: lock, deduplicate, apply effects, number, store.

The same for every database. Elsewhere: what each type of event does (`effects.py`), where rooms are locked and rows go
(a `Ledger`: `Tables` here, `journal.py` on SQLite), and who runs the transaction, in which thread.
"""

import secrets
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection, bindparam, select

from madang.adapters.sql import access, effects, lookups
from madang.adapters.sql.batch import Batch, Mutes, Roles, Rooms
from madang.adapters.sql.dialects import insert_new, insert_text, run
from madang.adapters.sql.lookups import Asked, CidKey
from madang.adapters.sql.rows import GONE, EventRow, FirstUse, Head, number
from madang.adapters.sql.tables import events, rooms
from madang.core.events import Appended, Draft, Event, MessageSent, RoomCreated, RoomDeleted, erased_body, too_early
from madang.core.ids import IdSource, id_ms
from madang.core.rooms import DELETED, Room
from madang.errors import Refused, without_frames
from madang.ports.log import Outcome

Sent = dict[tuple[str, str], int]
"""(room, user) -> the user's messages there, at this place in the batch. Holds at least everyone who sends one in it."""


_TYPE: Final = select(events.c.type).where(events.c.room == bindparam("in_room"), events.c.seq == bindparam("of_seq"))


class Ledger(Protocol):
    """How one kind of database locks rooms and keeps new events during an append."""

    def lock(self, c: Connection, wanted: Sequence[str]) -> tuple[dict[str, Head], Rooms]:
        """Lock rooms (sorted) until the transaction ends; return the heads of those that exist, GONE for deleted ones.

        Return their settings, too, which the append keeps up to date.
        """

    def look_up(self, c: Connection, keys: Sequence[Asked]) -> tuple[dict[CidKey, FirstUse], Roles, Mutes, Sent]:
        """Return the cids that are in the log already, and the roles, mutes and numbers of messages of those who ask.

        The rooms must be locked, or a twin slips in between. The append keeps all but the cids up to date.
        """

    def type_of(self, c: Connection, room: str, seq: int) -> str | None:
        """Return the type of an earlier event, wherever it is; None where there is none."""

    def fold_room(self, c: Connection, room: str) -> None:
        """Move all of a room's earlier events into `events`, where an effect is about to look for them."""

    def store(self, c: Connection, rows: list[EventRow]) -> None:
        """Store new events."""


class Tables:
    """The ledger of a database server: rooms queue at their rows, and new events go straight into `events`."""

    def lock(self, c: Connection, wanted: Sequence[str]) -> tuple[dict[str, Head], Rooms]:
        locked = lookups.lock_rooms(c, wanted)
        # A statement of its own, so that it sees what the previous holders of the locks committed.
        heads = lookups.heads(c, wanted)
        return heads | {room.id: GONE for room in locked if room.access == DELETED}, {room.id: room for room in locked}

    def look_up(self, c: Connection, keys: Sequence[Asked]) -> tuple[dict[CidKey, FirstUse], Roles, Mutes, Sent]:
        return look_up(c, keys)

    def type_of(self, c: Connection, room: str, seq: int) -> str | None:
        return type_of(c, room, seq)

    def fold_room(self, c: Connection, room: str) -> None:
        pass  # they are there already

    def store(self, c: Connection, rows: list[EventRow]) -> None:
        write(c, rows)


def append(c: Connection, drafts: Sequence[Draft], ids: IdSource, now_ms: int, ledger: Ledger) -> list[Outcome]:
    """Append a batch within the transaction that `c` is in."""
    heads, known_rooms = _lock(c, drafts, ledger)
    keys = {(d.room, d.user, d.cid): None for d in drafts if d.cid is not None or not _of_anyone(d) or _is_message(d)}
    known, roles, mutes, sent = ledger.look_up(c, list(keys))
    rows: list[EventRow] = []
    types: dict[tuple[str, int], str] = {}
    folded: set[str] = set()  # rooms whose events go straight to the table, in which messages are read and changed

    def fold_room(room: str) -> None:
        folded.add(room)
        ledger.fold_room(c, room)
        write_folded()

    def write_folded() -> None:
        # No other room's: what the table has of a room comes before all that the ledger keeps of it, always.
        write(c, [row for row in rows if row[0] in folded])
        rows[:] = [row for row in rows if row[0] not in folded]

    def type_of(room: str, seq: int) -> str | None:
        """Return the type of an event, looked up once: it never changes, and many of a batch may be about one message."""
        known = types.get((room, seq))
        if known is None:
            here = next((row[3] for row in rows if row[1] == seq and row[0] == room), None)
            if (known := here or ledger.type_of(c, room, seq)) is not None:
                types[room, seq] = known
        return known

    spoken = {(d.room, d.user) for d in drafts if d.server and d.spoken and roles.get((d.room, d.user)) is None}
    bans = access.bans_among(c, spoken) if spoken else {}
    batch = Batch(c, fold_room, type_of, known_rooms, roles, mutes, now_ms, bans)
    outcomes: list[Outcome] = []
    for d in drafts:
        head = heads.get(d.room) or Head()
        if head is GONE:
            outcomes.append(Refused("room_exists" if isinstance(d.content, RoomCreated) else "not_found"))
            continue
        key = (d.room, d.user, d.cid) if d.cid is not None else None
        if key is not None and (first := known.get(key)) is not None:
            outcomes.append(_repeat(first, d))
            continue
        if d.early is not None:
            outcomes.append(too_early(d))
            continue
        if not head.seq and not isinstance(d.content, RoomCreated):
            outcomes.append(Refused("not_found"))
            continue
        if roles.get((d.room, d.user)) is None and not _of_anyone(d):
            outcomes.append(Refused("not_member"))
            continue
        try:
            changed = effects.apply(batch, d, head.seq + 1)
        except Refused as refused:
            outcomes.append(without_frames(refused))
            continue
        if not changed:
            outcomes.append(None)
            continue
        author = d.room, d.user
        event, row, heads[d.room] = number(d, head, sent.get(author, 0), ids, now_ms)
        if _is_message(d):
            sent[author] += 1
        elif isinstance(d.content, RoomDeleted):
            heads[d.room] = GONE
        rows.append(row)
        outcomes.append(Appended(event))
        if key is not None:
            known[key] = FirstUse(event, d.target)
    if folded:
        write_folded()
    if rows:
        ledger.store(c, rows)
    return outcomes


def _of_anyone(d: Draft) -> bool:
    return d.server or not d.content.needs_member


def _is_message(d: Draft) -> bool:
    return type(d.content) is MessageSent


def _lock(c: Connection, drafts: Sequence[Draft], ledger: Ledger) -> tuple[dict[str, Head], Rooms]:
    """Lock the batch's rooms until the transaction ends, and return their heads and settings.

    Rooms are locked in the order of their ids, and new ones are created after that in the same order: batches that share
    rooms queue, and never deadlock. A new room's row is written here, before the cids are looked up, so that two nodes
    that get the same room.created queue too. Its event follows, whatever else the batch holds: nothing else can make
    the first room.created of a room fail.
    """
    wanted = sorted({d.room for d in drafts})
    heads, known = ledger.lock(c, wanted)
    news = [(d.room, d.content) for d in drafts if isinstance(d.content, RoomCreated) and d.room not in heads]
    created = dict(reversed(news))  # the first of each room
    made_elsewhere = False
    for room, body in sorted(created.items()):
        made = known[room] = Room(id=room, title=body.title, access=body.access, slow_ms=body.slow_ms)
        made_elsewhere |= not insert_new(c, rooms, {**msgspec.structs.asdict(made), "epoch": secrets.token_hex(8)})
    return ledger.lock(c, wanted) if made_elsewhere else (heads, known)


def _repeat(first: FirstUse, d: Draft) -> Outcome:
    """Return the outcome of a draft whose cid is in the log already. Content that a deletion erased cannot be compared."""
    event = first.event
    if event.type != d.type:
        return Refused("conflict")
    if event.body not in (d.body, d.unmasked, erased_body(event.type, first.target)):
        return Refused("conflict")
    return Appended(event, duplicate=True)


def look_up(c: Connection, keys: Sequence[Asked]) -> tuple[dict[CidKey, FirstUse], Roles, Mutes, Sent]:
    """See `Ledger.look_up`; finds only what is in `events`."""
    found: dict[CidKey, FirstUse] = {}
    roles: Roles = {}
    mutes: Mutes = {}
    sent: Sent = {}
    rows = lookups.look_up(c, keys) if keys else ()
    for room, user, cid, role, muted_until_ms, own, target, seq, id, type, name, body in rows:
        roles[room, user] = role
        if muted_until_ms is not None:
            mutes[room, user] = muted_until_ms
        sent[room, user] = own
        if seq is not None:
            found[room, user, cid] = FirstUse(Event(room, seq, id, type, user, name, id_ms(id), body.encode()), target)
    return found, roles, mutes, sent


def type_of(c: Connection, room: str, seq: int) -> str | None:
    """See `Ledger.type_of`; finds only what is in `events`."""
    type: str | None = run(c, _TYPE, {"in_room": room, "of_seq": seq}).scalar()
    return type


def write(c: Connection, rows: list[EventRow]) -> None:
    """Insert rows into `events`."""
    if rows:
        c.exec_driver_sql(insert_text(events, c.dialect), rows)
