"""How tests are shared out among processes (pytest-xdist), and how all of them end at once on Ctrl-C and SIGTERM.

Every worker has its own PostgreSQL, MariaDB, Redis and ports; nothing here depends on how many workers there are.
"""

import gc
import os
import signal
from types import FrameType
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ONE_AT_A_TIME = (
    "tests/scenario/faults/",
    "tests/scenario/fleet/test_nodes.py",
    "tests/scenario/fleet/test_whole_fleet.py",
    "tests/scenario/test_flood.py",
    "tests/scenario/test_kill.py",
    "tests/scenario/test_s0.py",
    "tests/scenario/test_slow_reader.py",
)
"""Stories under load and in real time. Two at once would starve each other, so all of them go to one worker, first of all."""

OF_ENGINES = ("tests/contract/test_search_engine", "tests/integration/test_search_engine.py")
"""They share an engine, which takes many seconds to start."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_workers: list[int] = []  # process ids, known to the process that shares out


class ByFile(LoadScopeScheduling):
    """Return a file to one worker, so that what its tests share is started once; and ONE_AT_A_TIME, and OF_ENGINES, to one each."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(OF_ENGINES):
            return "engines"
        return "one at a time" if nodeid.startswith(ONE_AT_A_TIME) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False  # files of many tests are not those that take long
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first and the small files of `unit` last: then no worker ends long before the others."""
    items.sort(
        key=lambda item: (not item.nodeid.startswith(ONE_AT_A_TIME), not item.nodeid.startswith("tests/scenario/"))
    )


def pytest_collection_finish() -> None:
    """Take what is there for good out of the garbage collector's rounds, which took 3 of 24 s of CPU in unit tests."""
    gc.collect()
    gc.freeze()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let SIGTERM do what Ctrl-C does: end the test, tidy up, stop the servers."""
    is_worker = hasattr(session.config, "workerinput")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and by every server that a test starts

    def interrupt(number: int, frame: FrameType | None) -> None:
        if is_worker:
            # A terminal tells every process, and the one that shares out tells us once more while we tidy up.
            for each in STOP_SIGNALS:
                signal.signal(each, signal.SIG_IGN)
        session.shouldstop = "interrupted"  # where code swallows the exception, the test is the last
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodeready(node: Any) -> None:
    _workers.append(node.gateway._io.popen.pid)  # noqa: SLF001  # execnet says it nowhere else


def pytest_keyboard_interrupt() -> None:
    """Interrupt the workers too; without it they would go on with the test they are in for five seconds."""
    for pid in _workers:
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            pass
