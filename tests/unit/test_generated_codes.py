"""What `scripts/generate` writes of codes is as the formatter has it, however long their texts are."""

import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("length", [10, 60, 75, 76, 77, 78, 79, 80, 90, 105])
def test_codes_are_formatted(length: int) -> None:
    text = "x" * length
    codes = {
        "error": {"some_name": {"message": text, "http": 400, "then": "tell"}},
        "close": {"4999": {"name": "some_name", "reconnect": "never", "meaning": text}},
    }
    made = run_path(str(ROOT / "scripts/generate"))["python"](codes)
    ruff = [str(Path(sys.executable).parent / "ruff"), "format", "--stdin-filename", "codes.py", "-"]
    assert subprocess.run(ruff, input=made, capture_output=True, text=True, cwd=ROOT, check=True).stdout == made
