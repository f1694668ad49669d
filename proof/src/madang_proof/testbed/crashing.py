"""A server that ends itself with SIGKILL at a named point: `python -m madang_proof.testbed.crashing POINT MODULE ARGUMENTS`
runs MODULE (madang) with everything as it is, until a message comes whose cid begins with `crash-`.

The points lie between the steps of an append: `before_commit` (numbered, and not committed), `after_commit` (in the
thread that commits, before anybody else knows), `before_ack` (in the event loop, before the batch's first answer) and
`before_fanout` (its senders have been answered, and no member is told any more).

This is the launcher alone, so that the product has no hooks. Who sends the message and what must hold is in `faults/`.
"""

import asyncio
import functools
import os
import runpy
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

MARK: Final = "crash-"
POINTS: Final = ("before_commit", "after_commit", "before_ack", "before_fanout")
LAST_ACKS_S: Final = 0.05  # what an ack may take into the kernel, before a crash that comes after it


def _marked(drafts: Sequence[Any]) -> bool:
    return any(draft.cid is not None and draft.cid.startswith(MARK) for draft in drafts)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _Watched(sqlite3.Connection):
    """A connection that dies instead of committing, once it is told to."""

    doomed = False

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if _Watched.doomed and not self.in_transaction and sql.startswith("INSERT INTO journal"):
            _die()  # outside a transaction this statement is one
        return super().execute(sql, *more)

    def commit(self) -> None:
        if _Watched.doomed:
            _die()
        super().commit()


def _at_commit(point: str) -> None:
    from madang.adapters.sql.sqlite_writer import Writer

    append = Writer.append

    def watched(self: Writer, drafts: Sequence[Any], *more: Any) -> Any:
        marked = _marked(drafts)
        _Watched.doomed = marked and point == "before_commit"
        outcomes = append(self, drafts, *more)
        if marked:
            _die()
        return outcomes

    sqlite3.connect = functools.partial(sqlite3.connect, factory=_Watched)  # type: ignore[assignment]
    Writer.append = watched  # type: ignore[assignment, method-assign]


def _before_ack() -> None:
    from madang.services import appender

    settle = appender._Lane._settle

    def watched(self: Any, batch: Sequence[Any], outcomes: Any) -> None:
        if _marked([draft for draft, _, _ in batch]):
            _die()
        settle(self, batch, outcomes)

    appender._Lane._settle = watched  # type: ignore[method-assign]


def _before_fanout() -> None:
    from madang.services.appender import _Lane

    settle, told = _Lane._settle, _Lane.__init__

    def watched(self: Any, batch: Sequence[Any], outcomes: Any) -> None:
        if not self.silent and _marked([draft for draft, _, _ in batch]):
            self.silent = True
            asyncio.get_running_loop().call_later(LAST_ACKS_S, _die)
        settle(self, batch, outcomes)

    def begin(self: Any, log: Any, committed: Callable[[Any], None], *more: Any) -> None:
        self.silent = False
        told(self, log, lambda events: None if self.silent else committed(events), *more)

    _Lane.__init__ = begin  # type: ignore[assignment, method-assign]
    _Lane._settle = watched  # type: ignore[method-assign]


def main() -> None:
    """Watch for the point, and become the server."""
    point, module, *arguments = sys.argv[1:]
    if point not in POINTS:
        raise SystemExit(f"there is no point {point!r}, but {', '.join(POINTS)}")
    if point == "before_ack":
        _before_ack()
    elif point == "before_fanout":
        _before_fanout()
    else:
        _at_commit(point)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
