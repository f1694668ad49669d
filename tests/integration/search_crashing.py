"""A server that kills itself (SIGKILL) while its search index changes: `python -m tests.integration.search_crashing POINT MODULE ARGUMENTS`.

before_index   a message with MARK in it is in the log, and the index has not begun to take it
within_index   all is written, and the transaction of the index has not been committed
after_index    it has been committed, and the follower has not learned of it
before_switch  an index is whole that was made again, and does not serve yet
after_switch   it serves
"""

import os
import runpy
import signal
import sys
from collections.abc import Sequence
from typing import Any, Final

from madang.adapters.sql.search import server_documents, sqlite_documents
from madang.adapters.sql.search.server import ServerIndex
from madang.adapters.sql.search.server_places import ServerIndexes
from madang.adapters.sql.search.sqlite import SqliteIndex
from madang.adapters.sql.search.sqlite_places import SqliteIndexes
from madang.ports.search import Changes

MARK: Final = "치명타"
POINTS: Final = ("before_index", "within_index", "after_index", "before_switch", "after_switch")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _is_marked(changes: Sequence[Changes]) -> bool:
    return any(MARK in put.folded for each in changes for put in each.put)


def _around_changes(kind: Any, *, before: bool) -> None:
    change = kind.change

    async def watched(self: Any, changes: Sequence[Changes]) -> set[str]:
        if before and _is_marked(changes):
            _die()
        elsewhere: set[str] = await change(self, changes)
        if _is_marked(changes):
            _die()
        return elsewhere

    kind.change = watched


def _within_changes(module: Any) -> None:
    change = module.change

    def watched(*args: Any) -> Any:
        result = change(*args)
        if _is_marked(args[-1]):
            _die()
        return result

    module.change = watched


def _around_switches(kind: Any, *, before: bool) -> None:
    switch = kind.switch

    async def watched(self: Any) -> None:
        if before:
            _die()
        await switch(self)
        _die()

    kind.switch = watched


def main() -> None:
    """Watch for the point, and become the server."""
    point, module, *arguments = sys.argv[1:]
    assert point in POINTS, point
    if point == "within_index":
        _within_changes(sqlite_documents)
        _within_changes(server_documents)
    elif point.endswith("index"):
        for index in (SqliteIndex, ServerIndex):
            _around_changes(index, before=point == "before_index")
    else:
        for indexes in (SqliteIndexes, ServerIndexes):
            _around_switches(indexes, before=point == "before_switch")
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
