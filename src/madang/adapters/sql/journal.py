"""The journal: batches go to disk as blobs first, so that a message costs SQLite a third of what it would otherwise.

A row of `events` goes to two random places, the end of its room and the place of its cid, and each is a page of 4 KB that
a transaction writes to the WAL. In batches of 100 over 500 rooms that is 26 µs and 13.6 KB per row. So a batch is first
written as one row of `journal`, a blob of its events, in one place: that commit, fsynced, is the ack. Its events wait in
memory until several thousand have gathered, and then move into `events` sorted by room, so that neighbours share pages:
8 µs and 2.2 KB per row (`python -m bench.storage`).

    append ──> journal + `recent` (memory) ──fold──> events

- Every acked event is at any moment in `recent` or in `events`: it leaves `recent` after the commit that folded it. So
  a reader that takes `recent` first and reads `events` after that misses nothing; where both have an event, the table
  is right, because deletions erase only there.
- A fold visits the rooms in slices, so that no append waits long; a room with more than a slice is visited again. Journal
  rows are deleted once every room that had events when the fold began has been folded. Until then some of their events are
  in both places, so after a crash only those that are not in `events` are taken from the journal.
- An effect that reads a message needs it in the table: `fold_room` folds that one room within the batch's transaction.

All of this runs in the writer thread. Others may only read `recent`, after copying it (what has left it
never changes), and `heads`.
"""

import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from madang.adapters.sql import lookups, ordinals, reading
from madang.adapters.sql.appending import Sent, look_up, type_of
from madang.adapters.sql.batch import Mutes, Roles, Rooms
from madang.adapters.sql.lookups import Asked, CidKey, known_sqlite, padded
from madang.adapters.sql.rows import GONE, EventRow, FirstUse, Head, event_of, number
from madang.adapters.sql.tables import events
from madang.core.events import Appended, Draft, MessageSent
from madang.core.ids import IdSource
from madang.core.permissions import WRITERS, state_of
from madang.core.rooms import ALL, DELETED
from madang.ports.log import Outcome

FOLD: Final = 16_000
"""Waiting events at which a fold begins. With 8,000, 16,000 and 32,000, over 500 rooms, a message costs the thread 22.8, 21.2
and 20.4 µs in all, 2 of them for the two indexes of messages; each waiting event takes 0.7 KB."""
FOLD_BYTES: Final = 4 << 20
"""Likewise, of their bodies, in characters: 16,000 of the largest would be 1.3 GB."""
SLICE: Final = 400
"""Events folded at a time, or twice those that came since the last slice if that is more: what the next append may have to wait for."""
SLICE_BYTES: Final = 1 << 18
"""Likewise, of their bodies: as many of the largest messages as of others would be 3 MB."""
MAX_HEADS: Final = 100_000
"""Rooms whose newest seq and id are kept in memory, at 0.3 KB each."""
MAX_ROLES: Final = 100_000
"""Memberships, and numbers of messages, kept in memory, at 0.3 KB each."""

PUT: Final = 512
"""Rows in one INSERT. With `executemany` every row is a call that releases the GIL: a slice of 400 took 10.7 ms while the
loop was busy, and takes 3.2 ms in one call."""
PAD: Final = 64
"""An INSERT is padded to a multiple of this with its last row, so that eight prepared statements serve all sizes."""

_SEQ: Final = itemgetter(1)  # of a row
_COLUMNS: Final = ", ".join(f'"{column.name}"' for column in events.columns)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode  # those of versions before 0004 are shorter


class Waiting:
    """A room's events that are not in `events` yet, in order, and by (user, cid)."""

    __slots__ = ("by_cid", "rows", "size")

    def __init__(self) -> None:
        self.rows: list[EventRow] = []
        self.size = 0  # characters of their bodies
        self.by_cid: dict[tuple[str, str | None], EventRow] = {}

    def first(self, count: int, size: int) -> list[EventRow]:
        """Return the first rows: up to a count, and none behind that many characters of bodies."""
        if len(self.rows) <= count and self.size <= size:
            return self.rows
        for n, row in enumerate(self.rows[:count], 1):
            size -= len(row[8])
            if size <= 0:
                return self.rows[:n]
        return self.rows[:count]


class Journal:
    """Events that are acked and not in `events` yet. Also the ledger of `appending.append` on SQLite."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self.heads: dict[str, Head] = {}
        self.recent: dict[str, Waiting] = {}
        self._rooms: Rooms = {}  # of most that have a head
        self._roles: dict[
            tuple[str, str], str
        ] = {}  # (room, user) -> role of members who acted, and may write; oldest first
        self._sent: Sent = {}  # (room, user) -> messages of those who acted; oldest first
        self._used: set[tuple[str, str]] = set()  # members who acted since `forget_unused`
        self._used_rooms: set[str] = set()
        self.waiting = 0  # events in `recent`
        self.size = 0  # characters of their bodies
        self.folded = 0  # characters of all bodies that were folded so far
        self._newest = 0  # key of the newest row of the journal; 0 when it is empty
        self._walk: list[str] = []  # rooms that this fold has yet to visit, last first
        self._until = 0  # key of the newest row when this fold began; 0 when none is under way
        # Of the open transaction: what to remember, and what to forget, once it is committed.
        self._heads: dict[str, Head] = {}
        self._rooms_now: Rooms = {}
        self._stored: list[EventRow] = []
        self._folded: set[str] = set()
        self._roles_now: Roles = {}
        self._mutes_now: Mutes = {}
        self._sent_now: Sent = {}

    def recover(self, c: Connection) -> None:
        """Load what an earlier process left in the journal. Writes nothing, so that a full disk does not prevent reading."""
        self._raw.execute("CREATE TABLE IF NOT EXISTS journal (n INTEGER PRIMARY KEY, rows BLOB NOT NULL)")
        left: list[tuple[Any, ...]] = []
        for n, rows in self._raw.execute("SELECT n, rows FROM journal ORDER BY n"):
            self._newest = n
            left += _decode(rows)
        in_table = "SELECT 1 FROM events WHERE room = ? AND seq = ?"
        missing = [row for row in left if not self._raw.execute(in_table, row[:2]).fetchone()]
        # What a deleted room lacks has been removed on purpose: it was all in the table when the room was deleted.
        heads = lookups.heads(c, sorted({row[0] for row in missing}))
        gone = set(reading.deleted(c, sorted(heads)))
        # So has been what another room no longer keeps.
        kept = {room.id: room.purged_seq for room in lookups.settings(c, sorted(heads))}
        rows = self._numbered([row for row in missing if row[0] not in gone and row[1] > kept.get(row[0], 0)])
        self._remember(rows)
        for room, seq, id, *_, ordinal, _ in rows:
            # The newest may be in the table: before 0004 a batch could leave earlier ones behind in the journal.
            head = heads.get(room, Head())
            heads[room] = Head(max(head.seq, seq), max(head.id, id), max(head.messages, ordinal or 0))
        self.heads = {room: head for room, head in heads.items() if room not in gone}

    def _numbered(self, rows: Sequence[tuple[Any, ...]]) -> list[EventRow]:
        """Return rows of the journal with their ordinals; those of versions before 0004 have none, and are counted."""
        in_room, theirs = (
            f"SELECT {ordinals.messages('sqlite', '?', '?')}",
            f"SELECT {ordinals.own('sqlite', '?', '?', '?')}",
        )
        before: Counter[tuple[str, ...]] = Counter()  # messages of those rows, by room, and by room and user
        numbered: list[EventRow] = []
        for row in rows:
            room, seq, _, type, user = row[:5]
            if len(row) == len(events.columns):
                numbered.append(tuple(row))
            elif type != MessageSent.type:
                numbered.append((*row, None, None))
            else:
                before.update([(room,), (room, user)])
                (nth,) = self._raw.execute(in_room, (room, seq) * 2).fetchone()
                (own,) = self._raw.execute(theirs, (room, user, seq) * 2).fetchone()
                numbered.append((*row, nth + before[room,], own + before[room, user]))
        return numbered

    def append_plain(self, drafts: Sequence[Draft], ids: IdSource, now_ms: int) -> list[Outcome] | None:
        """Append a batch of plain new messages in a single call to SQLite, which is also the transaction.

        Return None, with nothing stored, when the batch is not that plain: other events, mentions, a reply to what is not in
        `recent`, a room or member not seen yet, a room in which not everybody may write, a cid that is in the log already, or has to be
        looked up.
        """
        heads: dict[str, Head] = {}
        sent: Sent = {}
        cids: set[CidKey] = set()
        rows: list[EventRow] = []
        outcomes: list[Outcome] = []
        for d in drafts:
            room, content = d.room, d.content
            head = heads.get(room)
            if head is None:
                known = self._rooms.get(room)
                if known is None or state_of(known):
                    return None
                head = self.heads.get(room)
            if (
                head is None
                or head is GONE
                or type(content) is not MessageSent
                or content.mentions
                or d.early is not None
                or d.flagged
            ):
                return None
            if content.reply_to is not None and not self._may_reply(room, content.reply_to):
                return None
            author = room, d.user
            own = sent.get(author) or self._sent.get(author)
            if own is None or (author not in self._roles and (not d.server or content.via is not None)):
                return None
            if d.cid is not None:
                key = (room, d.user, d.cid)
                waiting = self.recent.get(room)
                if key in cids or (waiting is not None and key[1:] in waiting.by_cid):
                    return None
                cids.add(key)
            event, row, heads[room] = number(d, head, own, ids, now_ms)
            sent[author] = own + 1
            rows.append(row)
            outcomes.append(Appended(event))
        keys = padded(list(cids))
        added = self._raw.execute(_add_unless_known(len(keys)), (_encode(rows), *chain.from_iterable(keys)))
        if added.rowcount != 1:
            return None
        assert added.lastrowid is not None
        self._newest = added.lastrowid
        self._remember(rows)
        self.heads.update(heads)
        self._sent.update(sent)
        self._used_rooms.update(heads)
        self._used.update(sent)
        return outcomes

    def forget_rooms(self, rooms: Sequence[str]) -> None:
        """Forget heads and roles of rooms that are no longer in the database. A new dict: a reader may hold the old one."""
        gone = set(rooms)
        self.heads = {room: head for room, head in self.heads.items() if room not in gone}
        self._rooms = {room: known for room, known in self._rooms.items() if room not in gone}
        self._roles = {member: role for member, role in self._roles.items() if member[0] not in gone}

    @property
    def remembered(self) -> int:
        """How many rooms and members are kept in memory: look-ups that an append is spared."""
        return len(self.heads) + len(self._roles) + len(self._sent)

    def forget_unused(self) -> None:
        """Forget heads, roles and numbers of rooms and members that nobody needed since the last call.

        A storm of newcomers leaves tens of thousands, and they would stay until as many others come.
        """
        used, rooms = self._used, self._used_rooms | self.recent.keys()
        self._used, self._used_rooms = set(), set()
        self.heads = {room: head for room, head in self.heads.items() if room in rooms}  # a reader may hold the old one
        self._roles = {member: role for member, role in self._roles.items() if member in used}
        self._sent = {member: count for member, count in self._sent.items() if member in used}

    def rows_of(self, room: str) -> list[EventRow]:
        """Return a copy of a room's events in `recent`, made in one step: safe in any thread."""
        waiting = self.recent.get(room)
        return waiting.rows.copy() if waiting is not None else []

    # The ledger of `appending.append`, within a transaction: after it `transaction_committed` is called if it succeeded,
    # and `transaction_ended` always.

    def lock(self, c: Connection, wanted: Sequence[str]) -> tuple[dict[str, Head], Rooms]:
        self._heads = {room: self.heads[room] for room in wanted if room in self.heads}
        self._rooms_now = {room: self._rooms[room] for room in wanted if room in self._rooms}
        if unknown := [room for room in wanted if room not in self._heads]:
            self._heads.update(lookups.heads(c, unknown))
        if unknown := [room for room in wanted if room not in self._rooms_now and self._heads.get(room) is not GONE]:
            found = lookups.settings(c, unknown)
            self._rooms_now.update((room.id, room) for room in found)
            self._heads.update((room.id, GONE) for room in found if room.access == DELETED)
        return self._heads, self._rooms_now

    def look_up(self, c: Connection, keys: Sequence[Asked]) -> tuple[dict[CidKey, FirstUse], Roles, Mutes, Sent]:
        found, self._roles_now, self._mutes_now, self._sent_now = look_up(c, keys)
        for author in self._sent_now:
            self._sent_now[author] = self._sent_by(author, self._sent_now[author])
        for room, user, cid in keys:
            waiting = self.recent.get(room)
            if waiting is not None and cid is not None and (row := waiting.by_cid.get((user, cid))) is not None:
                found[room, user, cid] = FirstUse(event_of(row), row[7])
        return found, self._roles_now, self._mutes_now, self._sent_now

    def _sent_by(self, author: tuple[str, str], in_table: int) -> int:
        """Return how many messages a user has in a room, also those that are not in the table yet."""
        if (known := self._sent.get(author)) is not None:
            return known
        room, user = author
        waiting = self.recent.get(room)
        return max([in_table, *(row[11] or 0 for row in waiting.rows if row[4] == user)]) if waiting else in_table

    def type_of(self, c: Connection, room: str, seq: int) -> str | None:
        return self._type_here(room, seq) or type_of(c, room, seq)

    def _may_reply(self, room: str, seq: int) -> bool:
        """Return whether an event is a message in `recent` of a room where all see all."""
        return (
            self._rooms[room].history == ALL
            and seq > self._rooms[room].purged_seq
            and self._type_here(room, seq) == MessageSent.type
        )

    def _type_here(self, room: str, seq: int) -> str | None:
        """Return the type of an event in `recent`."""
        waiting = self.recent.get(room)
        rows = waiting.rows if waiting is not None else []
        at = bisect_left(rows, seq, key=_SEQ)
        return rows[at][3] if at < len(rows) and rows[at][1] == seq else None

    def fold_room(self, c: Connection, room: str) -> None:
        if room not in self._folded:
            self._folded.add(room)
            self._put(self.rows_of(room))

    def store(self, c: Connection, rows: list[EventRow]) -> None:
        self._newest = self._raw.execute("INSERT INTO journal (rows) VALUES (?)", (_encode(rows),)).lastrowid or 0
        self._stored = rows

    def transaction_committed(self) -> None:
        """Apply what the committed transaction did."""
        self._forget(self._folded)
        self._remember(self._stored)
        self.heads.update(self._heads)
        self._rooms.update(self._rooms_now)
        for member, role in self._roles_now.items():
            self._roles.pop(member, None)
            if role in WRITERS and member not in self._mutes_now:
                self._roles[member] = role
        for author, count in self._sent_now.items():
            self._sent.pop(author, None)
            self._sent[author] = count
        for used, most in ((self._used, MAX_ROLES), (self._used_rooms, MAX_HEADS)):
            if len(used) >= most:
                used.clear()  # some are forgotten sooner
        self._used_rooms.update(self._heads)
        self._used.update(self._sent_now)
        for kept in (self._roles, self._sent):
            while len(kept) > MAX_ROLES:
                del kept[next(iter(kept))]

    def transaction_ended(self) -> None:
        """Forget the transaction, committed or not."""
        self._heads, self._rooms_now, self._stored, self._folded = {}, {}, [], set()
        self._roles_now, self._mutes_now, self._sent_now = {}, {}, {}

    # Folding

    def fold(self, tidy: bool, batch: int = 0, batch_size: int = 0) -> bool:
        """Fold one slice if it is due (with `tidy`: if anything waits); return whether more of the fold is to come.

        Args:
            batch, batch_size: events that came since the last slice, and characters of their bodies. Of twice as many in a slice
                a fold comes to its end, also if they are all of one room.
        """
        if not self._until:
            if not self._newest or (self.waiting < FOLD and self.size < FOLD_BYTES and not tidy):
                return False
            self._until = self._newest
            self._walk = sorted(self.recent, reverse=True)
        rooms: list[str] = []
        rows: list[EventRow] = []
        left, left_size = max(SLICE, 2 * batch), max(SLICE_BYTES, 2 * batch_size)
        begun = 0  # events of the room that is still on the walk
        while self._walk and left > 0 and left_size > 0:
            if (waiting := self.recent.get(self._walk[-1])) is not None:  # else `fold_room` was there
                part = waiting.first(left, left_size)
                rows += part
                if len(part) < len(waiting.rows):
                    begun = len(part)
                    break
                left -= len(part)
                left_size -= waiting.size
            rooms.append(self._walk.pop())
        try:
            self._write_slice(rows)
        except sqlite3.Error:
            self._walk += reversed(rooms)
            raise
        self._forget(rooms)
        if begun:
            self._forget_first(self._walk[-1], begun)
        if self._walk:
            return True
        if self.waiting == 0:
            self._newest = 0
        self._until = 0
        if len(self.heads) > MAX_HEADS:  # a new dict: a reader may hold the old one
            self.heads = {room: self.heads[room] for room in self.recent}
            self._rooms = {room: known for room, known in self._rooms.items() if room in self.heads}
        return False

    def _write_slice(self, rows: list[EventRow]) -> None:
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            self._put(rows)
            if not self._walk:
                done = self._newest if len(rows) == self.waiting else self._until
                self._raw.execute("DELETE FROM journal WHERE n <= ?", (done,))
            self._raw.execute("COMMIT")
        except sqlite3.Error:
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")
            raise

    def _put(self, rows: list[EventRow]) -> None:
        """Insert sorted rows into `events`."""
        self.folded += sum(len(row[8]) for row in rows)
        for start in range(0, len(rows), PUT):
            part = rows[start : start + PUT]
            if len(part) < PAD:
                self._raw.executemany(_put_text(1), part)
            else:
                part += [part[-1]] * (-len(part) % PAD)
                self._raw.execute(_put_text(len(part)), tuple(chain.from_iterable(part)))

    def _remember(self, rows: Sequence[EventRow]) -> None:
        recent, characters = self.recent, 0
        for row in rows:
            waiting = recent.get(row[0])
            if waiting is None:
                waiting = recent[row[0]] = Waiting()
            waiting.rows.append(row)
            waiting.by_cid[row[4], row[6]] = row
            size = len(row[8])
            waiting.size += size
            characters += size
        self.waiting += len(rows)
        self.size += characters

    def _forget(self, rooms: Iterable[str]) -> None:
        for room in rooms:
            if (waiting := self.recent.pop(room, None)) is not None:
                self.waiting -= len(waiting.rows)
                self.size -= waiting.size

    def _forget_first(self, room: str, count: int) -> None:
        """Forget the first events of a room. The rest is a new list: a reader may hold the old one."""
        before, rest = self.recent[room], Waiting()
        gone, rest.rows = before.rows[:count], before.rows[count:]
        rest.by_cid = before.by_cid
        for row in gone:
            rest.by_cid.pop((row[4], row[6]), None)
        size = sum(len(row[8]) for row in gone)
        rest.size = before.size - size
        self.recent[room] = rest
        self.waiting -= count
        self.size -= size


@lru_cache
def _add_unless_known(keys: int) -> str:
    """Return the statement that adds a batch unless any of `keys` cids is in `events` already."""
    add = "INSERT INTO journal (rows) SELECT ?"
    return " ".join([add, "WHERE NOT EXISTS (", known_sqlite(keys), ")"]) if keys else add


@lru_cache
def _put_text(rows: int) -> str:
    """Return the statement that inserts `rows` rows into `events`."""
    values = ",".join(["(?,?,?,?,?,?,?,?,?,?,?,?)"] * rows)
    # By name: a newer version may have added columns.
    return f"INSERT INTO events ({_COLUMNS}) VALUES {values} ON CONFLICT (room, seq) DO NOTHING"  # noqa: S608  # names
