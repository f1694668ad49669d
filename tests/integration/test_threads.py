"""Which threads of a node go first: the event loop and who writes, before those who read and index."""

import os
import sys
import threading
from pathlib import Path

import pytest

from madang.config import Settings
from madang.node.run import SWITCH_S, run_node
from madang.threads import NICEST


@pytest.mark.skipif(os.getpriority(os.PRIO_PROCESS, 0) == NICEST, reason="who is nicest already lets nobody go first")
async def test_who_reads_lets_the_loop_and_the_writer_go_first(tmp_path: Path) -> None:
    async with run_node(Settings(port=0, admin_port=0, data=tmp_path)):
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
        threads = {each.name: os.getpriority(os.PRIO_PROCESS, each.native_id or 0) for each in threading.enumerate()}
    (quick,) = {threads["MainThread"], threads["madang-sql-writer-0"]}
    behind = [name for name, niceness in threads.items() if niceness > quick]
    assert sorted(behind) == [
        "madang-search-reader-0", "madang-search-reader-1", "madang-search-writer-0",
        "madang-sql-reader-0", "madang-sql-reader-1", "madang-sql-reader-2",
    ]  # fmt: skip
