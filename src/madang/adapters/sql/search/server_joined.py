"""Joined texts of the search index in MariaDB and MySQL: of sixteen seqs of a room in one row, to find rare words by.

Both spend most of a test on its row, and on characters of several bytes: to look through 100,000 texts takes 77 to 140 ms one by one,
and 8 to 19 ms joined, as bytes. Which of the messages it is their own rows say (`server_hits.py`): nothing that is there may be
missing here, and what is gone may stay until the next change of the block.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Text,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects import mysql

from madang.adapters.sql.search.server_tables import Tables
from madang.core.search import Needle
from madang.ports.search import Asked

SEQS: Final = 16
"""Seqs of a block: their texts fit into a page of InnoDB, and two common words are seldom in all blocks."""
AGAIN: Final = 100
"""Blocks that one statement makes again."""
Block = tuple[int, int]
"""A room's number, and a seq by SEQS."""


class Proposed(NamedTuple):
    """A block that has all that is searched for, if not in one message: its room's number, and the ids of its first and last."""

    no: int
    first: int
    last: int


def block(no: int, seq: int) -> Block:
    """Return where a message's text is."""
    return no, seq // SEQS


def add(c: Connection, t: Tables, rows: Iterable[tuple[int, int, int, str, str]]) -> None:
    """Add messages, ascending in each room: each its room's number, id, seq, folded text and initials."""
    blocks = _blocks(rows)
    if blocks:
        new = mysql.insert(t.joined)
        grown = {name: func.concat(t.joined.c[name], new.inserted[name]) for name in ("folded", "initials")}
        c.execute(new.on_duplicate_key_update(last=new.inserted.last, **grown), blocks)


def make_again(c: Connection, t: Tables, blocks: Iterable[Block]) -> None:
    """Make blocks again of the messages that are there."""
    docs, rest = t.docs.c, iter(sorted(blocks))
    while some := list(islice(rest, AGAIN)):
        c.execute(delete(t.joined).where(tuple_(t.joined.c.no, t.joined.c.block).in_(some)))
        within = or_(*(and_(docs.no == no, docs.seq.between(at * SEQS, at * SEQS + SEQS - 1)) for no, at in some))
        there = select(docs.no, docs.id, docs.seq, docs.folded, docs.initials).where(within)
        again = _blocks(c.execute(there.order_by(docs.no, docs.seq)))
        if again:
            c.execute(insert(t.joined), again)


def _blocks(rows: Iterable[Any]) -> list[dict[str, Any]]:
    found: dict[Block, dict[str, Any]] = {}
    for no, id, seq, folded, initials in rows:
        key = block(no, seq)
        at = found.get(key)
        if at is None:
            at = found[key] = {"no": no, "block": key[1], "first": id, "folded": b"", "initials": b""}
        at["last"] = id
        at["folded"] += f"{folded}\n".encode()
        at["initials"] += initials.encode()
    return list(found.values())


def proposed(c: Connection, t: Tables, nos: Sequence[int], asked: Asked, limit: int) -> list[Proposed]:
    """Return blocks with all that is searched for, those with the newest messages first.

    Args:
        nos: the rooms' numbers.
    """
    joined = t.joined.c
    has = [_has(t, needle) for needle in asked.query.needles]
    within = select(joined.no, joined.first, joined.last).where(
        joined.no.in_(nos), joined.last >= asked.since, joined.first < asked.before, *has
    )
    newest = joined.block if len(nos) == 1 else joined.last  # the first is the key: so the walk ends early
    return [Proposed(*row) for row in c.execute(within.order_by(newest.desc()).limit(limit))]


def _has(t: Tables, needle: Needle) -> ColumnElement[bool]:
    pattern = needle.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").encode()
    literally = _like(t.joined.c.folded, b"%" + pattern + b"%")
    return or_(literally, _like(t.joined.c.initials, b"% " + pattern + b"%")) if needle.initials else literally


def _like(column: ColumnElement[Any], pattern: bytes) -> ColumnElement[bool]:
    return type_coerce(column, Text).like(literal(pattern, LargeBinary))
