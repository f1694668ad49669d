"""Effects of events about papers. How effects are called is in `effects.py`; papers' logs are in `papers.py`."""

import secrets
from typing import Any

from sqlalchemy import delete, func, select, update

from madang.adapters.sql import papers as rows
from madang.adapters.sql.batch import Batch
from madang.adapters.sql.dialects import insert_new
from madang.adapters.sql.tables import paper_renderings, paper_versions, papers
from madang.core import events as kinds
from madang.core.events import Draft
from madang.core.papers import MAX_PAPERS
from madang.core.permissions import Action
from madang.errors import Refused


def created(b: Batch, d: Draft, body: kinds.PaperCreated, seq: int) -> bool:
    """Make a paper."""
    b.need_to_write(d)
    here = select(func.count()).select_from(papers).where(papers.c.room == d.room)
    if b.c.execute(here).scalar_one() >= MAX_PAPERS:
        raise Refused("too_many", f"A room has at most {MAX_PAPERS} papers.")
    row = {
        "id": body.paper, "room": d.room, "title": body.title, "finished": False, "key": secrets.randbits(62),
        "user": d.user, "at_ms": b.now_ms, "seq": 0, "upto": 0, "size": 0, "finished_seq": 0,
    }  # fmt: skip
    if not insert_new(b.c, papers, row):
        raise Refused("paper_exists")
    # Of one that had the id before, a node of an older version has left its versions.
    b.c.execute(delete(paper_versions).where(paper_versions.c.paper == body.paper))
    return True


def changed(b: Batch, d: Draft, body: kinds.PaperChanged, seq: int) -> bool:
    """Rename, finish or reopen a paper. What a finished one said is kept no longer once it is open."""
    b.need(d, Action.PAPERS)
    row = _locked(b, d, body.paper)
    before = {"title": row.title, "finished": bool(row.finished)}
    given = {"title": body.title, "finished": body.finished}
    new: dict[str, Any] = {name: value for name, value in given.items() if value is not None and value != before[name]}
    if not new:
        return False
    if "finished" in new:
        new["finished_seq"] = seq if body.finished else 0
    b.c.execute(update(papers).where(papers.c.id == body.paper).values(new))
    if "finished" in new:
        b.c.execute(delete(paper_renderings).where(paper_renderings.c.paper == body.paper))
    return True


def deleted(b: Batch, d: Draft, body: kinds.PaperDeleted, seq: int) -> bool:
    """Remove a paper."""
    b.need(d, Action.PAPERS)
    _locked(b, d, body.paper)
    rows.remove(b.c, body.paper)
    return True


def _locked(b: Batch, d: Draft, id: str) -> Any:
    """Lock a paper's row, as appends to it do, and return it (not_found)."""
    this = select(papers.c.title, papers.c.finished).where(papers.c.id == id, papers.c.room == d.room)
    row = b.c.execute(this.with_for_update()).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such paper.")
    return row
