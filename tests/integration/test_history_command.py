"""The history checker as a command: what it prints, and its exit status."""

import subprocess
import sys
from pathlib import Path

from madang_proof.history import TITLES, check
from tests.unit.proof.history.model_server import ModelServer
from tests.unit.proof.history.samples import mutated, write


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "madang_proof.history", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_command_says_what_held(tmp_path: Path) -> None:
    done = run(write(tmp_path / "good.jsonl", ModelServer(3, users=4).run(300)))
    assert done.returncode == 0, done.stderr
    assert "Every invariant held" in done.stdout
    assert all(title in done.stdout for title in TITLES.values())


def test_the_command_shows_what_did_not(tmp_path: Path) -> None:
    done = run(write(tmp_path / "bad.jsonl", mutated()))
    assert done.returncode == 1
    assert str(check(mutated()).violation) in done.stdout


def test_the_command_names_the_line_that_is_no_record(tmp_path: Path) -> None:
    path = write(tmp_path / "torn.jsonl", mutated())
    path.write_bytes(path.read_bytes() + b'{"is":"ok","t":')
    done = run(path)
    assert done.returncode == 2
    assert f"line {len(mutated()) + 1}: " in done.stderr
    assert run(tmp_path / "missing.jsonl").returncode == 2
