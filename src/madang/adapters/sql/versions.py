"""Versions of papers over one connection (`ports.versions`). They are removed with their paper, in `papers.py`."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from madang.adapters.sql.dialects import clock_ms
from madang.adapters.sql.tables import paper_versions, papers
from madang.core.papers import Paper
from madang.core.versions import ASKED, NewVersion, Version, making_way, too_many
from madang.errors import Refused

_COLUMNS: Final = [paper_versions.c[name] for name in Version.__struct_fields__]


def keep(c: Connection, paper: Paper, new: NewVersion) -> Version | Refused:
    """See `VersionStore.keep_version`. Whoever keeps one of the same paper queues at its row."""
    this = select(papers.c.key, papers.c.versions).where(papers.c.id == paper.id).with_for_update()
    row = c.execute(this).one_or_none()
    if row is None or row.key != paper.key:
        return Refused("not_found")
    # A node of an older version has deleted one of this id and made this one: of what it left behind the numbers are needed.
    others = (paper_versions.c.paper == paper.id) & (paper_versions.c.key != paper.key)
    c.execute(delete(paper_versions).where(others))
    there = list_of(c, paper)
    if new.cause == ASKED:
        if refused := too_many(there):
            return refused
    elif same := next((each for each in there if each.seq == new.seq), None):
        return same
    if (gone := making_way(there, new)) is None:
        return Refused("too_big", "The versions of this paper would be too large together.")
    for each in gone:
        c.execute(delete(paper_versions).where(_named(paper, each.number)))
    kept = Version(
        number=row.versions + 1, title=new.title, cause=new.cause, user=new.user, at_ms=clock_ms(c), seq=new.seq,
        size=len(new.data),
    )  # fmt: skip
    values = {name: getattr(kept, name) for name in kept.__struct_fields__}
    c.execute(insert(paper_versions).values(values | {"paper": paper.id, "key": paper.key, "data": new.data}))
    c.execute(update(papers).where(papers.c.id == paper.id).values(versions=kept.number))
    return kept


def list_of(c: Connection, paper: Paper) -> list[Version]:
    """See `VersionStore.versions`."""
    of_paper = select(*_COLUMNS).where(paper_versions.c.paper == paper.id, paper_versions.c.key == paper.key)
    return [Version(**row._mapping) for row in c.execute(of_paper.order_by(paper_versions.c.number.desc()))]


def data(c: Connection, paper: Paper, number: int) -> bytes | None:
    """See `VersionStore.version`."""
    found: Any = c.execute(select(paper_versions.c.data).where(_named(paper, number))).scalar_one_or_none()
    return None if found is None else bytes(found)


def drop(c: Connection, paper: Paper, number: int) -> bool:
    """See `VersionStore.drop_version`."""
    return c.execute(delete(paper_versions).where(_named(paper, number))).rowcount == 1


def _named(paper: Paper, number: int) -> ColumnElement[bool]:
    t = paper_versions.c
    return (t.paper == paper.id) & (t.number == number) & (t.key == paper.key)
