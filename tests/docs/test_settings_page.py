"""The page of settings is what the code says."""

import re
import subprocess
import sys
from pathlib import Path

from madang.config import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_made_from_the_code() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/generate", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_every_setting_stands_on_the_page() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    for name, field in Settings.model_fields.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*$", page, re.MULTILINE)
        assert f"`MADANG_{name.upper()}`" in row
        assert str(field.description) in row
