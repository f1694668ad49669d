"""A test run with workers is ended by Ctrl-C and SIGTERM at once, and tidies up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S
from tests.workers import STOP_SIGNALS

ENDLESS = """
import asyncio, os, pathlib, pytest

@pytest.fixture
def server(n):
    pathlib.Path(f"{os.getpid()}-{n}.started").touch()
    yield
    pathlib.Path(f"{os.getpid()}-{n}.stopped").touch()

@pytest.mark.parametrize("n", range(10))
async def test_endless(server, n):
    await asyncio.sleep(600)
"""


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_ends_the_test_of_every_worker(tmp_path: Path, number: signal.Signals) -> None:
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(ENDLESS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.workers", "-p", "no:cacheprovider", "--numprocesses=2"]
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, stdout=subprocess.DEVNULL
    ) as run:
        try:
            _wait_for(tmp_path, "*.started", 2)
            run.send_signal(number)
            assert run.wait(PATIENCE_S) == pytest.ExitCode.INTERRUPTED
        finally:
            run.kill()
    assert len(list(tmp_path.glob("*.started"))) == 2, "no worker began another test"
    assert len(list(tmp_path.glob("*.stopped"))) == 2, "what was started has been stopped"


def _wait_for(folder: Path, pattern: str, count: int) -> None:
    deadline = time.monotonic() + 3 * PATIENCE_S
    while len(list(folder.glob(pattern))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
