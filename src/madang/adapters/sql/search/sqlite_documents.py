"""What is in the search index of SQLite, and how it is changed. What is found in it is in `sqlite_hits.py`.

- `rooms`: a number for each room, which another epoch changes, and its position.
- `docs`: a row for each message; its key is the room's number and the seq, so that a room is one range of it.
- `f`: for each term the keys of its messages. FTS5 keeps nothing else here, and forgets a message only if it is told all the
  terms that it was given; so these come from `docs`.
- `erased`: ranges of keys that are found no more, and are erased at rest.
- `made`: a row that says which of several files this is (`sqlite_places.py`).
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from madang.core.search import terms
from madang.ports.followers import Position
from madang.ports.search import Changes, Status

SEQS: Final = 32
"""Bits of a key that are the seq."""
LAST: Final = (1 << SEQS) - 1
ERASED: Final = 500
"""Messages erased at a time."""
MERGED: Final = 500
"""Pages that FTS5 may rewrite at a time, when it joins what it has: so what is deleted leaves the file."""
CHUNK: Final = 500

_TABLES: Final = (
    "CREATE TABLE rooms (no INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL,"
    " upto INTEGER NOT NULL, purged INTEGER NOT NULL, newest INTEGER NOT NULL)",
    'CREATE TABLE docs (key INTEGER PRIMARY KEY, id INTEGER NOT NULL, "user" TEXT NOT NULL, folded TEXT NOT NULL)',
    "CREATE TABLE made (version TEXT NOT NULL, number INTEGER NOT NULL, serves INTEGER NOT NULL)",
    "CREATE TABLE erased (first INTEGER PRIMARY KEY, last INTEGER NOT NULL)",
    "CREATE VIRTUAL TABLE f USING fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii')",
    "INSERT INTO f(f, rank) VALUES ('usermerge', 2)",
)
# The tokenizer parts words at ASCII that is neither a letter nor a digit. A term that is mapped onto another only costs a look.
_ENCODED: Final = {code: 0x80 + code for code in range(128) if not chr(code).isalnum()}


def encoded(term: str) -> str:
    """Return a term as one word for FTS5."""
    return term.translate(_ENCODED)


class File(NamedTuple):
    """Which file of several one is: of those that serve, that with the highest number does."""

    version: str
    number: int
    serves: bool


def create(c: sqlite3.Connection, shape: int, file: File) -> None:
    """Make the tables, if there are none."""
    c.execute("BEGIN IMMEDIATE")
    if c.execute("SELECT 1 FROM sqlite_master WHERE name = 'rooms'").fetchone() is None:
        for table in _TABLES:
            c.execute(table)
        c.execute("INSERT INTO made VALUES (?, ?, ?)", file)
        c.execute(f"PRAGMA user_version={shape}")
    c.execute("COMMIT")


def positions(c: sqlite3.Connection, rooms: Sequence[str]) -> dict[str, Position]:
    """See `SearchIndex.positions`."""
    found = in_chunks(c, "SELECT room, epoch, upto FROM rooms WHERE room IN (...)", rooms)
    return {room: Position(epoch, upto) for room, epoch, upto in found}


def rooms_after(c: sqlite3.Connection, after: str, limit: int) -> list[str]:
    """See `SearchIndex.rooms_after`."""
    found = c.execute("SELECT room FROM rooms WHERE room > ? ORDER BY room LIMIT ?", (after, limit))
    return [room for (room,) in found]


def status(c: sqlite3.Connection) -> Status:
    """See `SearchIndex.status`."""
    rooms, messages = c.execute("SELECT (SELECT count(*) FROM rooms), (SELECT count(*) FROM docs)").fetchone()
    return Status(rooms, messages)


def forget(c: sqlite3.Connection, rooms: Sequence[str]) -> None:
    """See `SearchIndex.forget`."""
    for room in rooms:
        for (no,) in c.execute("DELETE FROM rooms WHERE room = ? RETURNING no", (room,)).fetchall():
            _erase_later(c, no, LAST)


def change(c: sqlite3.Connection, changes: Sequence[Changes]) -> set[str]:
    """See `SearchIndex.change`."""
    elsewhere, ready = set[str](), list[tuple[int, Changes]]()
    for each in changes:
        no = _number(c, each)
        if no is None:
            elsewhere.add(each.room)
        else:
            ready.append((no, each))
    ready.sort(key=lambda item: item[0])  # FTS5 takes keys in ascending order for half the price
    old, new = dict[int, str](), dict[int, tuple[int, int, str, str]]()
    for no, each in ready:
        _collect(c, no << SEQS, each, old, new)
    _forget_terms(c, old)
    keys = sorted(new)
    c.executemany("REPLACE INTO docs VALUES (?, ?, ?, ?)", [new[key] for key in keys])
    # By a generator, as below: SQLite lets the event loop in after each row. The terms of all of them first kept it waiting
    # for 5 ms again and again, 20 ms in all.
    c.executemany("INSERT INTO f(rowid, terms) VALUES (?, ?)", ((key, _terms(new[key][3])) for key in keys))
    for no, each in ready:
        newest = each.put[-1].id if each.put else 0
        c.execute(
            "UPDATE rooms SET upto = ?, newest = max(newest, ?), purged = max(purged, ?) WHERE no = ?",
            (each.upto, newest, each.purged, no),
        )
        if each.purged:
            _erase_later(c, no, each.purged)
    return elsewhere


def _number(c: sqlite3.Connection, changes: Changes) -> int | None:
    """Return the number of a room that is where the changes lead on from, or begins again; None for one that is elsewhere."""
    row = c.execute("SELECT no, epoch, upto FROM rooms WHERE room = ?", (changes.room,)).fetchone()
    position = changes.position
    if row is not None:
        no, epoch, upto = row
        if (epoch, upto) == (position.epoch, position.upto):
            return int(no)
        if position.upto or epoch == position.epoch:
            return None
        forget(c, [changes.room])
    elif position.upto:
        return None
    made = c.execute(
        "INSERT INTO rooms (room, epoch, upto, purged, newest) VALUES (?, ?, 0, 0, 0)", (changes.room, position.epoch)
    )
    return made.lastrowid


def _collect(
    c: sqlite3.Connection, base: int, changes: Changes, old: dict[int, str], new: dict[int, tuple[int, int, str, str]]
) -> None:
    """Note which documents go, with their texts, and which come."""
    if put := changes.put:
        new.update({base | each.seq: (base | each.seq, each.id, each.user, each.folded) for each in put})
        there = c.execute(
            "SELECT key, folded FROM docs WHERE key BETWEEN ? AND ?", (base | put[0].seq, base | put[-1].seq)
        )
        old.update((key, folded) for key, folded in there if key in new)
    for user in changes.erased:
        said = c.execute(
            'SELECT key, folded FROM docs WHERE key BETWEEN ? AND ? AND "user" = ?', (base, base | LAST, user)
        )
        old.update((key, folded) for key, folded in said)
    touched = [base | seq for seq in (*changes.edit, *changes.remove)]
    for key, id, user, folded in in_chunks(c, 'SELECT key, id, "user", folded FROM docs WHERE key IN (...)', touched):
        old[key] = folded
        text = changes.edit.get(key & LAST)
        if text is not None and user not in changes.erased:
            new[key] = key, id, user, text


def _forget_terms(c: sqlite3.Connection, old: dict[int, str]) -> None:
    """Remove documents, each with exactly the terms that it was given."""
    keys = sorted(old)
    c.executemany("INSERT INTO f(f, rowid, terms) VALUES ('delete', ?, ?)", ((key, _terms(old[key])) for key in keys))
    c.executemany("DELETE FROM docs WHERE key = ?", [(key,) for key in keys])


def _terms(folded: str) -> str:
    return "\n".join(terms(folded)).translate(_PARTED)


_PARTED: Final = {code: to for code, to in _ENCODED.items() if code != 0x0A}
"""No term has a line break, and some have a blank."""


def _erase_later(c: sqlite3.Connection, no: int, upto: int) -> None:
    c.execute(
        "INSERT INTO erased VALUES (?, ?) ON CONFLICT (first) DO UPDATE SET last = max(last, excluded.last)",
        (no << SEQS, no << SEQS | upto),
    )


def tidy(c: sqlite3.Connection) -> bool:
    """Erase some of what is found no more, and join some of what FTS5 has; return whether more is left to do."""
    row = c.execute("SELECT first, last FROM erased LIMIT 1").fetchone()
    if row is not None:
        first, last = row
        gone = c.execute(
            "SELECT key, folded FROM docs WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?", (first, last, ERASED)
        )
        old = dict(gone.fetchall())
        _forget_terms(c, old)
        if len(old) < ERASED:
            c.execute("DELETE FROM erased WHERE first = ? AND last = ?", (first, last))
        return True
    before = c.total_changes
    c.execute("INSERT INTO f(f, rank) VALUES ('merge', ?)", (MERGED,))
    return c.total_changes - before > 1  # FTS5 says so where it has done anything


def in_chunks(c: sqlite3.Connection, sql: str, values: Iterable[object]) -> Iterator[Any]:
    """Yield the rows of a statement whose list is too long for one."""
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield from c.execute(sql.replace("...", ",".join("?" * len(chunk))), chunk)
