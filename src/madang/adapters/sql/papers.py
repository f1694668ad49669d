"""Papers and their logs over one connection (`ports.papers`). What events do to papers is in `paper_effects.py`.

On a database server appends queue at the papers' rows, locked in the order of their ids; members and rooms are only read, so
that the chat of a room never waits for its papers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, delete, exists, func, insert, select, tuple_, update

from madang.adapters.sql.dialects import clock_ms, insert_new
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.rows import EventRow
from madang.adapters.sql.tables import (
    events,
    members,
    mutes,
    paper_renderings,
    paper_snapshots,
    paper_updates,
    paper_versions,
    papers,
    rooms,
)
from madang.core.papers import MAX_PAPER, SEARCHED, FinishedPaper, Paper, Rendering, Standing, Update
from madang.core.permissions import ANNOUNCING, ARCHIVED, FREE
from madang.core.rooms import DELETED, EVERYONE
from madang.errors import Refused
from madang.ports.papers import PaperLog, Watched

_ids: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_users: Final[BindParameter[Any]] = bindparam("users", expanding=True)
_of: Final[BindParameter[Any]] = bindparam("of")
_COLUMNS: Final = [papers.c[name] for name in Paper.__struct_fields__]
_STANDING: Final = select(*_COLUMNS).join(rooms, rooms.c.id == papers.c.room).where(rooms.c.access != DELETED)
_ONE: Final = _STANDING.where(papers.c.id == _of)
_READ: Final = _ONE.where(
    exists().where(members.c.room == papers.c.room, members.c.user == bindparam("reader")).correlate(papers)
)
_SOME: Final = _STANDING.where(papers.c.id.in_(_ids))
_UPTO: Final = select(papers.c.upto).where(papers.c.id == _of)
_LOCKED: Final = select(*_COLUMNS).where(papers.c.id.in_(_ids)).order_by(papers.c.id).with_for_update()
_NUMBERED: Final = update(papers).where(papers.c.id == _of).values(seq=bindparam("to_seq"), size=bindparam("to_size"))
_WENT_BACK: Final = update(papers).where(papers.c.id == _of).values(went_back=bindparam("at_seq"))
_SETTINGS: Final = select(rooms.c.id, rooms.c.archived, rooms.c.write).where(
    rooms.c.id.in_(_ids), rooms.c.access != DELETED
)
_ROLES: Final = select(members.c.room, members.c.user, members.c.role).where(
    tuple_(members.c.room, members.c.user).in_(_users)
)
_MUTES: Final = select(mutes.c.room, mutes.c.user, mutes.c.until_ms).where(
    tuple_(mutes.c.room, mutes.c.user).in_(_users)
)
_ABOVE: Final = select(paper_updates.c.seq, paper_updates.c.data).where(
    paper_updates.c.paper == _of, paper_updates.c.seq > bindparam("after")
)
_FINISHED: Final = (
    select(papers.c.id, papers.c.title, papers.c.finished_seq, func.substr(paper_renderings.c.text, 1, SEARCHED))
    .join(paper_renderings, paper_renderings.c.paper == papers.c.id)
    .where(papers.c.room == bindparam("in_room"), papers.c.finished_seq.in_(bindparam("seqs", expanding=True)))
)
_FINISHING: Final = select(events.c.seq, events.c.id, events.c.user, events.c.name).where(
    events.c.room == bindparam("in_room"), events.c.seq.in_(bindparam("seqs", expanding=True))
)
_LOGS: Final = (paper_updates, paper_snapshots, paper_renderings, paper_versions)
_CHUNK: Final = 500  # values in one list


def one(c: Connection, id: str, reader: str | None = None) -> Paper | None:
    """See `PaperStore.paper`."""
    wanted = c.execute(_ONE, {"of": id}) if reader is None else c.execute(_READ, {"of": id, "reader": reader})
    row = wanted.one_or_none()
    return None if row is None else _paper(row)


def page(c: Connection, room: str, after: str, limit: int) -> list[Paper]:
    """See `PaperStore.papers`."""
    wanted = _STANDING.where(papers.c.room == room, papers.c.id > after).order_by(papers.c.id).limit(limit)
    return [_paper(row) for row in c.execute(wanted)]


def _paper(row: Any) -> Paper:
    return Paper(**{**row._mapping, "finished": bool(row.finished)})


def append(c: Connection, updates: Sequence[Update]) -> list[int | Refused]:
    """See `PaperStore.append_updates`."""
    named = sorted({u.paper for u in updates})
    known = {row.id: _paper(row) for row in c.execute(_LOCKED, {"ids": padded(named)})}
    pairs = {
        (known[u.paper].room, user) for u in updates if u.paper in known for user, server in u.writers if not server
    }
    rooms_of = {paper.room for paper in known.values()}
    found = standings(c, pairs, rooms_of)
    heads: dict[str, tuple[int, int]] = {id: (paper.seq, paper.size) for id, paper in known.items()}
    backs = {id: paper.went_back for id, paper in known.items()}
    outcomes: list[int | Refused] = []
    written: dict[str, None] = {}
    rows = []
    for u in updates:
        paper = known.get(u.paper)
        if (code := _refusal(u, paper, found, heads, backs)) or paper is None:
            outcomes.append(Refused(code))
            continue
        seq, size = heads[u.paper]
        heads[u.paper] = seq + 1, size + len(u.data)
        rows.append({"paper": u.paper, "seq": seq + 1, "data": u.data})
        written[u.paper] = None
        if u.back_from is not None:
            backs[u.paper] = seq + 1
        outcomes.append(seq + 1)
    if rows:
        c.execute(insert(paper_updates), rows)
        c.execute(_NUMBERED, [{"of": id, "to_seq": heads[id][0], "to_size": heads[id][1]} for id in sorted(written)])
        if back := [id for id in sorted(written) if backs[id] != known[id].went_back]:
            c.execute(_WENT_BACK, [{"of": id, "at_seq": backs[id]} for id in back])
    return outcomes


def _refusal(
    u: Update,
    paper: Paper | None,
    found: Mapping[tuple[str, str], Standing],
    heads: Mapping[str, tuple[int, int]],
    backs: Mapping[str, int],
) -> str:
    if paper is None or paper.key != u.key:
        return "not_found"
    if paper.finished:
        return "finished"
    for user, server in u.writers:
        standing = found.get((paper.room, user)) or found.get((paper.room, ""), Standing())
        if code := standing.held(server=server):
            return code
    if u.back_from is not None and backs[u.paper] > u.back_from:
        return "overloaded"
    return "too_big" if heads[u.paper][1] + len(u.data) > MAX_PAPER else ""


def standings(
    c: Connection, pairs: Iterable[tuple[str, str]], also: Iterable[str] = ()
) -> dict[tuple[str, str], Standing]:
    """Return the standings of users, by (room, user); of rooms also that of somebody who has no role, as user "".

    Where there is no such room nobody has a role.
    """
    wanted = sorted(set(pairs))
    states: dict[str, str] = {}
    for some in _chunks(sorted({room for room, _ in wanted} | set(also))):
        for id, archived, write in c.execute(_SETTINGS, {"ids": padded(some)}):
            states[id] = ARCHIVED if archived else FREE if write == EVERYONE else ANNOUNCING
    roles: dict[tuple[str, str], str] = {}
    muted: set[tuple[str, str]] = set()
    for part in _chunks(wanted):
        values = {"users": padded(part)}
        roles.update({(room, user): role for room, user, role in c.execute(_ROLES, values)})
        ends = {(room, user): until_ms for room, user, until_ms in c.execute(_MUTES, values)}
        if ends:
            now_ms = clock_ms(c)
            muted |= {who for who, until_ms in ends.items() if until_ms > now_ms}
    found = {(room, ""): Standing(None, state) for room, state in states.items()}
    for who in wanted:
        there = who[0] in states
        found[who] = Standing(roles.get(who) if there else None, states.get(who[0], FREE), who in muted)
    return found


def _chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def watched(c: Connection, some: Sequence[str], users: Sequence[tuple[str, str]]) -> Watched:
    """See `PaperStore.watched`."""
    found: dict[str, Paper] = {}
    for part in _chunks(sorted(set(some))):
        found.update({row.id: _paper(row) for row in c.execute(_SOME, {"ids": padded(part)})})
    return Watched(found, standings(c, users))


def log(c: Connection, id: str, after: int) -> PaperLog | None:
    """See `PaperStore.paper_log`."""
    paper = one(c, id)
    if paper is None:
        return None
    upto = c.execute(_UPTO, {"of": id}).scalar_one()
    snapshot = b""
    if upto > after:
        snapshot = c.execute(select(paper_snapshots.c.data).where(paper_snapshots.c.paper == id)).scalar_one()
    rows = c.execute(_ABOVE.order_by(paper_updates.c.seq), {"of": id, "after": max(after, upto)})
    return PaperLog(paper, upto, snapshot, [(seq, bytes(data)) for seq, data in rows])


def compact(c: Connection, paper: Paper, upto: int, snapshot: bytes) -> bool:
    """See `PaperStore.compact_paper`."""
    this = select(papers.c.key, papers.c.seq, papers.c.upto).where(papers.c.id == paper.id).with_for_update()
    row = c.execute(this).one_or_none()
    if row is None or row.key != paper.key or not row.upto < upto <= row.seq:
        return False
    if not insert_new(c, paper_snapshots, {"paper": paper.id, "data": snapshot}):
        c.execute(update(paper_snapshots).where(paper_snapshots.c.paper == paper.id).values(data=snapshot))
    of_paper = paper_updates.c.paper == paper.id
    c.execute(delete(paper_updates).where(of_paper, paper_updates.c.seq <= upto))
    rest = c.execute(select(func.sum(func.length(paper_updates.c.data))).where(of_paper)).scalar()
    size = len(snapshot) + int(rest or 0)
    c.execute(update(papers).where(papers.c.id == paper.id).values(upto=upto, size=size))
    return True


def keep_rendering(c: Connection, paper: Paper, rendering: Rendering) -> bool:
    """See `PaperStore.keep_rendering`."""
    this = select(papers.c.key, papers.c.seq, papers.c.finished).where(papers.c.id == paper.id).with_for_update()
    row = c.execute(this).one_or_none()
    if row is None or (row.key, row.seq) != (paper.key, paper.seq) or not row.finished:
        return False
    c.execute(delete(paper_renderings).where(paper_renderings.c.paper == paper.id))
    values = {"paper": paper.id, "json": rendering.json, "text": rendering.text, "html": rendering.html}
    c.execute(insert(paper_renderings).values(values))
    return True


def rendering(c: Connection, paper: Paper) -> Rendering | None:
    """See `PaperStore.rendering`."""
    t = paper_renderings
    wanted = select(t.c.json, t.c.text, t.c.html).join(papers, papers.c.id == t.c.paper)
    row = c.execute(wanted.where(t.c.paper == paper.id, papers.c.key == paper.key)).one_or_none()
    return None if row is None else Rendering(json=row.json, text=row.text, html=row.html)


def finished_at(
    c: Connection, places: Sequence[tuple[str, int]], waiting: Mapping[str, Sequence[EventRow]]
) -> list[FinishedPaper]:
    """See `PaperStore.finished_at`; `waiting` holds events that may not be in the table yet, by room."""
    wanted: dict[str, list[int]] = {}
    for room, seq in places:
        wanted.setdefault(room, []).append(seq)
    found: list[FinishedPaper] = []
    for room in sorted(wanted):
        given = {"in_room": room, "seqs": padded(sorted(wanted[room]))}
        there = {seq: (id, title, text) for id, title, seq, text in c.execute(_FINISHED, given)}
        if not there:
            continue
        by = {row[1]: (row[2], row[4], row[5]) for row in waiting.get(room, ()) if row[1] in there}
        by.update({seq: (id, user, name) for seq, id, user, name in c.execute(_FINISHING, given)})
        for seq in sorted(there.keys() & by.keys()):
            (paper, title, text), (id, user, name) = there[seq], by[seq]
            found.append(
                FinishedPaper(room=room, seq=seq, id=id, user=user, name=name, paper=paper, title=title, text=text)
            )
    return found


def remove(c: Connection, id: str) -> None:
    """Remove a paper with all that was written in it. Its row is first: whoever writes in it queues there, and would leave some."""
    c.execute(delete(papers).where(papers.c.id == id))
    for table in _LOGS:
        c.execute(delete(table).where(table.c.paper == id))


def remove_of(c: Connection, room: str, limit: int) -> int:
    """Remove papers of a room; return how many."""
    here = select(papers.c.id).where(papers.c.room == room).order_by(papers.c.id)  # as appends lock them
    some = c.execute(here.limit(limit)).scalars().all()
    for id in some:
        remove(c, id)
    return len(some)
