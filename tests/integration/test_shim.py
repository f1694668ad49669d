"""The shim works: unsynced writes go with the power, a full disk and a failed fsync look real, the clock is turned.

Tried on files as such, and on SQLite, whose behaviour is known.
"""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from madang_proof.testbed import shim as shims
from madang_proof.testbed.shim import ALL, NO_BOUND, Shim
from madang_proof.testbed.shim_undo import evict, power_cut, unsynced

PYTHONS = [sys.executable, *({"/usr/bin/python3"} if Path("/usr/bin/python3").exists() else ())]
COMMITS = 200


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    if (why := shims.unavailable()) is not None:
        assert not os.environ.get("CI"), why
        pytest.skip(why)
    (tmp_path / "data").mkdir()
    made = Shim(tmp_path / "shim", tmp_path / "data" / "madang.db")
    yield made
    made.close()


class Child:
    """A Python program under the shim: it is told one line at a time and answers each, until it is killed."""

    def __init__(self, shim: Shim, prelude: str, python: str = sys.executable) -> None:
        environment = os.environ | asyncio.run(shim.environment())
        program = f"import os, sys, time, sqlite3\npath = {str(shim.files)!r}\n{prelude}\n" + (
            "for line in sys.stdin:\n"
            "    try: print(repr(eval(line)), flush=True)\n"
            "    except (OSError, sqlite3.Error) as e:\n"
            "        print(type(e).__name__, getattr(e, 'sqlite_errorname', getattr(e, 'errno', '')), flush=True)\n"
        )
        self._process = subprocess.Popen(
            [python, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def say(self, expression: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(expression + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def kill(self) -> int:
        self._process.kill()
        self._process.communicate()
        return self._process.returncode


FILE = "fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)"


class EverythingLost(random.Random):
    """Dice by which nothing unsynced stays."""

    def choice(self, options: object) -> object:  # type: ignore[override]
        return options[0]  # type: ignore[index]


def durable_file(shim: Shim, content: bytes) -> None:
    shim.files.write_bytes(content)


def test_what_was_not_synced_goes_with_the_power(shim: Shim) -> None:
    durable_file(shim, b"0123456789")
    child = Child(shim, FILE)
    child.say("os.pwrite(fd, b'ab', 0)")
    child.say("os.fsync(fd)")
    child.say("os.pwrite(fd, b'XY', 1)")
    child.say("os.pwrite(fd, b'Z' * 5000, 8)")
    child.say("os.ftruncate(fd, 4)")
    child.kill()
    assert shim.files.read_bytes() == b"aXY3"
    assert unsynced(shim) == 3
    power_cut(shim, EverythingLost())
    assert shim.files.read_bytes() == b"ab23456789"


def test_any_subset_of_what_was_not_synced_may_stay(shim: Shim) -> None:
    """Each page or sector as it was at some moment; over many cuts every one of them is seen both ways."""
    seen: set[tuple[int, ...]] = set()
    for seed in range(12):
        durable_file(shim, b"0" * 4096)
        child = Child(shim, FILE)
        child.say("os.fsync(fd)")
        for n in range(8):
            child.say(f"os.pwrite(fd, b'1' * 512, {n * 512})")
        child.say("os.pwrite(fd, b'2' * 700, 100)")
        child.kill()
        power_cut(shim, random.Random(seed))
        left = shim.files.read_bytes()
        assert set(left) <= set(b"012") and len(left) == 4096
        seen.add(tuple(left[n * 512 + 511] for n in range(8)))
    assert len(seen) > 4


def test_a_file_that_was_made_or_removed_comes_and_goes_until_its_folder_is_synced(shim: Shim) -> None:
    child = Child(shim, FILE)
    child.say("os.pwrite(fd, b'hello', 0)")
    child.say("os.fsync(fd)")
    child.kill()
    power_cut(shim, EverythingLost())
    assert not shim.files.exists(), "its name was never synced"
    child = Child(shim, FILE + "\nfolder = os.open(os.path.dirname(path), os.O_RDONLY)")
    for line in ("os.pwrite(fd, b'hello', 0)", "os.fsync(fd)", "os.fsync(folder)", "os.unlink(path)"):
        child.say(line)
    child.kill()
    assert not shim.files.exists()
    power_cut(shim, EverythingLost())
    assert shim.files.read_bytes() == b"hello"


def test_a_full_disk_takes_what_fits_and_nothing_more(shim: Shim) -> None:
    durable_file(shim, b"0" * 10)
    child = Child(shim, FILE)
    shim.set_room(5)
    assert child.say("os.pwrite(fd, b'x' * 20, 0)") == "15", "a short write first"
    assert child.say("os.pwrite(fd, b'x' * 20, 15)") == "OSError 28"
    assert child.say("os.pwrite(fd, b'y' * 15, 0)") == "15", "what is there already can be written over"
    shim.set_room(NO_BOUND)
    assert child.say("os.pwrite(fd, b'x' * 20, 15)") == "20"
    child.kill()


def test_what_a_failed_fsync_should_have_kept_is_never_kept(shim: Shim) -> None:
    """Though the next fsync succeeds; but a page that is written again goes to the disk as a whole."""
    durable_file(shim, b"0" * 12288)
    child = Child(shim, FILE)
    child.say("os.fsync(fd)")
    child.say("os.pwrite(fd, b'1' * 8192, 0)")
    shim.fail_syncs(1)
    assert child.say("os.fsync(fd)") == "OSError 5"
    assert shim.failing_syncs == 0
    child.say("os.pwrite(fd, b'2', 5000)")
    assert child.say("os.fsync(fd)") == "None"
    assert child.say("os.pread(fd, 1, 0)") == "b'1'", "whoever goes on sees nothing of it"
    child.kill()
    assert evict(shim) == 4096
    assert shim.files.read_bytes() == b"0" * 4096 + b"1" * 904 + b"2" + b"1" * 3191 + b"0" * 4096


def test_it_kills_at_a_sync(shim: Shim) -> None:
    durable_file(shim, b"0")
    child = Child(shim, FILE)
    shim.die_at_sync(2)
    assert child.say("(os.pwrite(fd, b'1', 0), os.fsync(fd))") == "(1, None)"
    assert child.say("(os.pwrite(fd, b'2', 0), os.fsync(fd))") == ""
    assert child.kill() == -signal.SIGKILL
    assert shim.files.read_bytes() == b"2"
    power_cut(shim, EverythingLost())
    assert shim.files.read_bytes() == b"1"


def test_the_undo_log_does_not_grow_without_bound(shim: Shim) -> None:
    durable_file(shim, b"0" * 100_000)
    child = Child(shim, FILE + "\nfolder = os.open(os.path.dirname(path), os.O_RDONLY)")
    for _ in range(40):
        child.say("(os.pwrite(fd, b'1' * 100_000, 0), os.fsync(fd))")
    child.say("os.pwrite(fd, b'2', 0)")
    child.kill()
    assert shim.log.stat().st_size < 1_500_000
    power_cut(shim, EverythingLost())
    assert shim.files.read_bytes() == b"1" * 100_000


def test_the_undo_log_goes_on_where_a_killed_process_left_it(shim: Shim) -> None:
    """What one life left unsynced is still unsynced in the next, until it syncs it; and a cut record harms nobody."""
    durable_file(shim, b"0" * 100_000)
    child = Child(shim, FILE + "\nfolder = os.open(os.path.dirname(path), os.O_RDONLY)")
    child.say("(os.pwrite(fd, b'1' * 10, 0), os.fsync(folder))")
    child.kill()
    shim.log.write_bytes(shim.log.read_bytes() + bytes(20))
    child = Child(shim, FILE)
    child.say("os.pwrite(fd, b'2' * 5, 0)")
    child.kill()
    assert shim.files.read_bytes()[:11] == b"22222111110"
    assert unsynced(shim) == 2
    child = Child(shim, FILE)
    for _ in range(40):
        child.say("(os.pwrite(fd, b'3' * 100_000, 0), os.fsync(fd))")
    child.kill()
    assert unsynced(shim) == 0
    assert shim.log.stat().st_size < 1_500_000, "it does not keep forever what is long synced"
    power_cut(shim, EverythingLost())
    assert shim.files.read_bytes() == b"3" * 100_000


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("synchronous", ["NORMAL", "FULL"])
def test_sqlite_keeps_every_commit_under_full_and_loses_some_under_normal(
    shim: Shim, python: str, synchronous: str
) -> None:
    """Three lives, each of which goes on with what the last power cut left."""
    kept = 0
    for life in range(3):
        child = Child(
            shim,
            "c = sqlite3.connect(path, isolation_level=None)\n"
            "c.execute('PRAGMA journal_mode=WAL')\n"
            f"c.execute('PRAGMA synchronous={synchronous}')\n"
            "c.execute('CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, x)')\n"
            "insert = lambda: c.execute('INSERT INTO t (x) VALUES (zeroblob(200))').lastrowid",
            python,
        )
        if life == 1:
            child.say("c.execute('PRAGMA wal_checkpoint').fetchall()")
        numbers = [int(child.say("insert()")) for _ in range(COMMITS)]
        assert numbers[-1] == kept + COMMITS
        child.kill()
        power_cut(shim, random.Random(life))
        with sqlite3.connect(shim.files) as c:
            assert c.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (kept,) = c.execute("SELECT count(*) FROM t").fetchone() if _has_table(c) else (0,)
        c.close()
        if synchronous == "NORMAL":
            assert kept < numbers[-1]
            return
        assert kept == numbers[-1]


def _has_table(c: sqlite3.Connection) -> bool:
    return bool(c.execute("SELECT count(*) FROM sqlite_master WHERE name = 't'").fetchone()[0])


def test_sqlite_names_a_full_disk_and_a_failed_fsync(shim: Shim) -> None:
    child = Child(
        shim,
        "c = sqlite3.connect(path, isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode=WAL')\n"
        "c.execute('PRAGMA synchronous=FULL')\n"
        "c.execute('CREATE TABLE t (x)')\n"
        "insert = lambda: c.execute('INSERT INTO t VALUES (zeroblob(9000))').rowcount",
    )
    assert child.say("insert()") == "1"
    shim.set_room(6000)
    assert child.say("insert()") == "OperationalError SQLITE_FULL"
    shim.calm()
    assert child.say("insert()") == "1"
    shim.fail_syncs(ALL)
    assert child.say("insert()") == "OperationalError SQLITE_IOERR_FSYNC"
    shim.calm()
    assert child.say("c.execute('SELECT count(*) FROM t').fetchone()") == "(2,)"
    child.kill()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_wall_clock_is_turned_and_the_monotonic_one_is_not(shim: Shim, python: str) -> None:
    child = Child(shim, "import datetime", python)
    child.say("globals().update(zero=time.time() - time.monotonic())")
    for seconds in (-3600, 7200, 0):
        shim.set_clock(seconds)
        off = float(child.say("time.time() - time.monotonic() - zero"))
        assert abs(off - seconds) < 60
        days = child.say("datetime.datetime.now().timestamp() - time.monotonic() - zero")
        assert abs(float(days) - seconds) < 60
    child.kill()


def test_a_machine_without_a_compiler_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert shims.unavailable() in ("it takes a C compiler (cc)", "it takes Linux with glibc")
