"""docs/start/promises.md names only faults and tests that exist, and every fault."""

import re
from pathlib import Path

from madang_proof.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/start/promises.md").read_text()


def test_every_fault_is_one_of_ours_and_stands_for_a_promise() -> None:
    named = {name for line in re.findall(r"--faults ([\w,-]+)", TEXT) for name in line.split(",")}
    assert named == set(FAULTS)


def test_every_test_named_is_there() -> None:
    named = {path for line in re.findall(r"scripts/test (.+)", TEXT) for path in re.findall(r"tests/[\w/.]+", line)}
    assert named
    assert not [path for path in named if not (ROOT / path).exists()]
