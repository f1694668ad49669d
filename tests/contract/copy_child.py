"""A process that copies an installation and kills itself on the way.

python -m tests.contract.copy_child SOURCE TARGET insert 3     after its third INSERT, before that is committed
python -m tests.contract.copy_child SOURCE TARGET comparing 2  after the second batch that was compared
"""

import asyncio
import os
import signal
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from madang.adapters.sql import copy, copying
from tests.contract.conftest import now_ms

BATCH = 40


async def main(source: str, target: str, last: str) -> None:
    copying.BATCH = BATCH  # type: ignore[misc]
    left = int(last)

    def executed(c: Any, cursor: Any, statement: str, *more: Any) -> None:
        nonlocal left
        copied = statement.startswith("INSERT INTO") and "installation" not in statement and "SELECT" not in statement
        if copied:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def tell(doing: str, done: int, total: int) -> None:
        assert 0 < done <= total

    event.listen(Engine, "after_cursor_execute", executed)
    await copy(source, target, now_ms, tell, lambda: False)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
