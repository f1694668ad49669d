"""A server that kills itself (SIGKILL) at a named point: `python -m madang_proof.testbed.crashing POINT MODULE ARGUMENTS`.

It runs MODULE (madang) unchanged until a message arrives whose cid begins with `crash-`. The points lie between the steps
of an append:

    before_commit  its events have been numbered, and the commit has not begun (SQLite)
    after_commit   in the thread that commits, before the event loop learns of it (SQLite)
    before_ack     in the event loop, before the first sender of the batch is answered
    before_fanout  the senders of the batch have been answered, and no member has been told

or, without such a message, when a paper has OF_ROWS updates in its log:

    within_snapshot  it is written that a snapshot takes their place, and not committed
    after_snapshot   it is committed, and the event loop learns of it

The product has no hooks for this. Its public borders are watched instead: the calls into `sqlite3` for the points around
a commit, the log port and `Fanout` for those in the event loop. Who sends the message, and what must hold afterwards, is
said in `faults/crash.py` and `faults/snapshot.py`.
"""

import asyncio
import functools
import os
import runpy
import signal
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any, Final

from madang.adapters.sql import Store, papers
from madang.core.events import Appended, Draft, Event
from madang.delivery.fanout import Fanout
from madang.delivery.papers import snapshots
from madang.ports.log import Outcome

MARK: Final = "crash-"
BEFORE_COMMIT, AFTER_COMMIT, BEFORE_ACK, BEFORE_FANOUT = (
    "before_commit", "after_commit", "before_ack", "before_fanout",
)  # fmt: skip
POINTS: Final = (BEFORE_COMMIT, AFTER_COMMIT, BEFORE_ACK, BEFORE_FANOUT)
WITHIN_SNAPSHOT, AFTER_SNAPSHOT = OF_SNAPSHOTS = "within_snapshot", "after_snapshot"
OF_ROWS: Final = 20
LAST_ACKS_S: Final = 0.05  # time for acks to reach the kernel, before a crash that comes after them


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _DyingConnection(sqlite3.Connection):
    """A connection that dies around the commit of an INSERT that carries the mark."""

    point = BEFORE_COMMIT
    _marked = False  # such an INSERT belongs to the open transaction

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if not sql.startswith("INSERT") or not _carries_mark(parameters):
            return super().execute(sql, parameters)
        if self.in_transaction:
            self._marked = True
            return super().execute(sql, parameters)
        # Outside a transaction the statement is one, and is committed if it inserts anything.
        if self.point == BEFORE_COMMIT:
            _die()
        cursor = super().execute(sql, parameters)
        if cursor.rowcount > 0:
            _die()
        return cursor

    def commit(self) -> None:
        if self._marked and self.point == BEFORE_COMMIT:
            _die()
        super().commit()
        if self._marked:
            _die()


def _carries_mark(parameters: Any) -> bool:
    """Return whether a parameter contains the mark, be it text or a blob of encoded events."""
    return any(
        (isinstance(value, str) and MARK in value) or (isinstance(value, bytes) and MARK.encode() in value)
        for value in parameters
    )


def _at_commit(point: str) -> None:
    _DyingConnection.point = point
    sqlite3.connect = functools.partial(sqlite3.connect, factory=_DyingConnection)  # type: ignore[assignment]


def _before_ack() -> None:
    append = Store.append

    async def watched(self: Store, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes = await append(self, drafts)
        if any(map(_is_marked, drafts)):
            _die()
        return outcomes

    Store.append = watched  # type: ignore[method-assign, assignment]


def _before_fanout() -> None:
    append, committed = Store.append, Fanout.committed
    fatal: set[int] = set()  # ids of events whose command carries the mark
    dying = False

    async def watched(self: Store, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes = await append(self, drafts)
        for draft, outcome in zip(drafts, outcomes, strict=True):
            if _is_marked(draft) and isinstance(outcome, Appended):
                fatal.add(outcome.event.id)
        return outcomes

    def withheld(self: Fanout, events: Sequence[Event]) -> None:
        nonlocal dying
        if not dying and any(event.id in fatal for event in events):
            dying = True
            asyncio.get_running_loop().call_later(LAST_ACKS_S, _die)
        if not dying:
            committed(self, events)

    Store.append = watched  # type: ignore[method-assign, assignment]
    Fanout.committed = withheld  # type: ignore[method-assign]


def _within_snapshot() -> None:
    compact = papers.compact

    def fatal(*given: Any) -> bool:
        compact(*given)
        _die()
        return True

    papers.compact = fatal  # type: ignore[assignment]


def _after_snapshot() -> None:
    compact_paper = Store.compact_paper

    async def fatal(self: Store, *given: Any) -> bool:
        await compact_paper(self, *given)
        _die()
        return True

    Store.compact_paper = fatal  # type: ignore[method-assign, assignment]


def _is_marked(draft: Draft) -> bool:
    return draft.cid is not None and draft.cid.startswith(MARK)


def main() -> None:
    """Watch for the point, and become the server."""
    point, module, *arguments = sys.argv[1:]
    if point not in POINTS + OF_SNAPSHOTS:
        raise SystemExit(f"there is no point {point!r}; there are {', '.join(POINTS + OF_SNAPSHOTS)}")
    if point in OF_SNAPSHOTS:
        snapshots.ROWS = OF_ROWS  # type: ignore[misc]
    if point == BEFORE_ACK:
        _before_ack()
    elif point == BEFORE_FANOUT:
        _before_fanout()
    elif point == WITHIN_SNAPSHOT:
        _within_snapshot()
    elif point == AFTER_SNAPSHOT:
        _after_snapshot()
    else:
        _at_commit(point)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
