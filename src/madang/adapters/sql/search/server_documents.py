"""How the search index in a database server is changed. Its tables are in `server_tables.py`, what is found in `server_hits.py`."""

import re
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Executable, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import mysql, postgresql

from madang.adapters.sql.dialects import MYSQL, insert_text
from madang.adapters.sql.search import server_joined
from madang.adapters.sql.search.server_tables import EVERY, Tables, among, hashes, room_term
from madang.core.hangul import INITIAL_OF
from madang.core.search import terms
from madang.ports.followers import Position
from madang.ports.search import Changes, Status

LAST: Final = (1 << 63) - 1
ERASED: Final = 500
"""Messages erased at a time."""
CHUNK: Final = 1_000
_runs: Final = re.compile("[가-힣]{2,}").findall


def initials(folded: str) -> str:
    """Return the initials of each run of syllables of a text, each after a blank: what is at its beginning follows a blank."""
    runs = _runs(folded)
    return f" {' '.join(runs)}".translate(INITIAL_OF) if runs else ""


def positions(c: Connection, t: Tables, rooms: Sequence[str]) -> dict[str, Position]:
    """See `SearchIndex.positions`."""
    found: dict[str, Position] = {}
    columns = select(t.rooms.c.room, t.rooms.c.epoch, t.rooms.c.upto)
    for at in range(0, len(rooms), CHUNK):
        for room, epoch, upto in c.execute(columns.where(among(c, t.rooms.c.room, rooms[at : at + CHUNK]))):
            found[room] = Position(epoch, upto)
    return found


def rooms_after(c: Connection, t: Tables, after: str, limit: int) -> list[str]:
    """See `SearchIndex.rooms_after`."""
    return list(c.scalars(select(t.rooms.c.room).where(t.rooms.c.room > after).order_by(t.rooms.c.room).limit(limit)))


def status(c: Connection, t: Tables) -> Status:
    """See `SearchIndex.status`."""
    rooms = c.scalar(select(func.count()).select_from(t.rooms))
    messages = c.scalar(select(func.count()).select_from(t.docs))
    return Status(rooms or 0, messages or 0)


def forget(c: Connection, t: Tables, rooms: Sequence[str]) -> None:
    """See `SearchIndex.forget`."""
    found = select(t.rooms.c.no).where(t.rooms.c.room.in_(rooms)).order_by(t.rooms.c.room).with_for_update()
    _forget(c, t, list(c.scalars(found)))


def _forget(c: Connection, t: Tables, nos: Sequence[int]) -> None:
    if nos:
        c.execute(delete(t.rooms).where(t.rooms.c.no.in_(nos)))
        _erase_later(c, t, [{"no": no, "upto": LAST} for no in nos])


def change(c: Connection, t: Tables, changes: Sequence[Changes]) -> set[str]:
    """See `SearchIndex.change`. Two nodes that change the same room wait for one another at its row."""
    if c.dialect.name not in MYSQL:
        # After a crash the newest changes may be gone, each with its position: then they are made again.
        c.exec_driver_sql("SET LOCAL synchronous_commit = off")
    ready = _led_on(c, t, changes)
    puts, marks, moved, purged = list[tuple[Any, ...]](), list[dict[str, int]](), list[dict[str, Any]](), []
    changed = set[server_joined.Block]()
    for no, each in ready:
        changed |= {server_joined.block(no, seq) for seq in (*each.edit, *each.remove)}
        if each.erased:
            theirs = t.docs.c.no == no, t.docs.c.author.in_(each.erased)
            changed |= {server_joined.block(no, seq) for seq in c.scalars(select(t.docs.c.seq).where(*theirs))}
            c.execute(delete(t.docs).where(*theirs))
        puts += [
            (no, put.id, put.seq, put.user, *_texts(c, no, put.folded)) for put in each.put if put.seq > each.purged
        ]
        marks += [{"no": no, "id": put.id} for put in each.put if put.seq % EVERY == 0]
        newest = each.put[-1].id if each.put else 0
        moved.append(
            {
                "no": no, "room": each.room, "epoch": each.position.epoch, "upto": each.upto, "newest": newest,
                "purged": each.purged,
            }
        )  # fmt: skip
        if each.purged:
            purged.append({"no": no, "upto": each.purged})
    if puts:
        c.exec_driver_sql(insert_text(t.docs, c.dialect), puts)
    if marks:
        c.execute(insert(t.marks), marks)
    _edit(c, t, ready)
    for no, each in ready:
        if each.remove:
            c.execute(delete(t.docs).where(t.docs.c.no == no, t.docs.c.seq.in_(each.remove)))
    if c.dialect.name in MYSQL:
        server_joined.add(c, t, ((no, id, seq, folded, letters) for no, id, seq, _, folded, letters, _ in puts))
        server_joined.make_again(c, t, changed)
    _erase_later(c, t, purged)
    if moved:
        c.execute(_moving(c, t), moved)
    return {each.room for each in changes} - {each.room for _, each in ready}


def _led_on(c: Connection, t: Tables, changes: Sequence[Changes]) -> list[tuple[int, Changes]]:
    """Return the changes that lead on from where their rooms are, or begin them, with the numbers of these, which are locked."""
    ordered = sorted(changes, key=lambda each: each.room)
    there = _locked(c, t, [each.room for each in ordered])
    ready, fresh, stale = list[tuple[int, Changes]](), list[Changes](), list[int]()
    for each in ordered:
        row, position = there.get(each.room), each.position
        if row is not None and row[1:] == (position.epoch, position.upto):
            ready.append((row[0], each))
        elif not position.upto and (row is None or row[1] != position.epoch):
            fresh.append(each)
            if row is not None:
                stale.append(row[0])
    _forget(c, t, stale)
    if fresh:
        begun = [{"room": e.room, "epoch": e.position.epoch, "upto": 0, "purged": 0, "newest": 0} for e in fresh]
        c.execute(_unless_there(c, t.rooms, "room"), begun)
        there = _locked(c, t, [each.room for each in fresh])
        # If another node has begun it in this moment, it has led it on, too.
        ready += [(there[e.room][0], e) for e in fresh if there[e.room][1:] == (e.position.epoch, 0)]
    return ready


def _locked(c: Connection, t: Tables, rooms: Sequence[str]) -> dict[str, tuple[int, str, int]]:
    columns = t.rooms.c
    asked = select(columns.room, columns.no, columns.epoch, columns.upto).where(among(c, columns.room, rooms))
    return {
        room: (no, epoch, upto) for room, no, epoch, upto in c.execute(asked.order_by(columns.room).with_for_update())
    }


def _moving(c: Connection, t: Tables) -> Executable:
    """Return what moves rooms that are there: as one INSERT, where an UPDATE of many would be as many round trips."""
    there = t.rooms.c
    if c.dialect.name in MYSQL:
        new = mysql.insert(t.rooms)
        later = {name: func.greatest(there[name], new.inserted[name]) for name in ("newest", "purged")}
        return new.on_duplicate_key_update(upto=new.inserted.upto, **later)
    excluded = postgresql.insert(t.rooms).excluded
    later = {name: func.greatest(there[name], excluded[name]) for name in ("newest", "purged")}
    return postgresql.insert(t.rooms).on_conflict_do_update(
        index_elements=["no"], set_={"upto": excluded.upto, **later}
    )


def _unless_there(c: Connection, table: Table, key: str) -> Any:
    if c.dialect.name in MYSQL:
        return mysql.insert(table).on_duplicate_key_update({key: table.c[key]})
    return postgresql.insert(table).on_conflict_do_nothing()


def _texts(c: Connection, no: int, folded: str) -> tuple[str, str, list[int] | None]:
    if c.dialect.name in MYSQL:
        return folded, initials(folded), None
    return folded, initials(folded), [*hashes(terms(folded)), room_term(no)]


def _edit(c: Connection, t: Tables, ready: Sequence[tuple[int, Changes]]) -> None:
    edited = []
    for no, each in ready:
        for seq, text in each.edit.items():
            folded, letters, found = _texts(c, no, text)
            edited.append({"of": no, "at": seq, "to": folded, "letters": letters, "found": found})
    if edited:
        docs = t.docs.c
        c.execute(
            update(t.docs)
            .where(docs.no == bindparam("of"), docs.seq == bindparam("at"))
            .values(folded=bindparam("to"), initials=bindparam("letters"), terms=bindparam("found")),
            edited,
        )


def _erase_later(c: Connection, t: Tables, ranges: Sequence[dict[str, int]]) -> None:
    if not ranges:
        return
    upto = t.erased.c.upto
    if c.dialect.name in MYSQL:
        here = mysql.insert(t.erased)
        c.execute(here.on_duplicate_key_update(upto=func.greatest(upto, here.inserted.upto)), ranges)
    else:
        there = postgresql.insert(t.erased)
        c.execute(
            there.on_conflict_do_update(index_elements=["no"], set_={"upto": func.greatest(upto, there.excluded.upto)}),
            ranges,
        )


def tidy(c: Connection, t: Tables) -> bool:
    """Erase some of what is found no more; return whether there may be more of it.

    The room's row is locked before all else of it, as by whoever changes its messages: in another order both could wait.
    """
    no = c.scalar(select(t.erased.c.no).limit(1))
    if no is None:
        return False
    c.execute(select(t.rooms.c.no).where(t.rooms.c.no == no).with_for_update()).close()
    upto = c.scalar(select(t.erased.c.upto).where(t.erased.c.no == no).with_for_update())
    if upto is None:
        return True  # another node has erased it
    docs = t.docs.c
    found = select(docs.id, docs.seq).where(docs.no == no, docs.seq <= upto).order_by(docs.seq).limit(ERASED)
    some = {row.id: row.seq for row in c.execute(found)}
    if some:
        c.execute(delete(t.docs).where(docs.no == no, docs.id.in_(some)))
        c.execute(delete(t.marks).where(t.marks.c.no == no, t.marks.c.id.in_(some)))
        if c.dialect.name in MYSQL:
            server_joined.make_again(c, t, {server_joined.block(no, seq) for seq in some.values()})
    if len(some) < ERASED:
        c.execute(delete(t.erased).where(t.erased.c.no == no, t.erased.c.upto == upto))
    return True
