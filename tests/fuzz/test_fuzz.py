"""Every harness takes its seeds and whatever it failed on before; the fuzzing itself is for `make soak`."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.harness import HERE, kept

NAMES = ["codec", "cost", "frames", "socketio", "text", "tokens", "wire"]
ROOT = HERE.parents[1]


def test_every_harness_is_here() -> None:
    others = {"__init__", "harness", "test_fuzz"}
    assert {file.stem for file in HERE.glob("*.py")} - others == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_former_failures(name: str) -> None:
    harness = importlib.import_module(f"tests.fuzz.{name}")
    for data in [*harness.SEEDS, *(file.read_bytes() for file in kept(name))]:
        try:
            harness.one(data)
        except Exception as error:
            error.add_note(f"input: {data!r}")
            raise


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris has nothing for this Python")
@pytest.mark.slow  # of `make soak`, which fuzzes a minute each
@pytest.mark.parametrize("name", NAMES)
def test_some_seconds_of_fuzzing(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", f"tests.fuzz.{name}", "-max_total_time=1", "-verbosity=0"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=120)
    assert ended.returncode == 0, ended.stderr[-4000:]
