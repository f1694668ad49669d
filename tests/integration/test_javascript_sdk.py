"""The JavaScript SDK's own tests, which run on the project's Node against servers of this tree."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_javascript_sdk_keeps_its_promises() -> None:
    ran = subprocess.run(
        [ROOT / "scripts/npm", "test", "--workspace", "sdk/js"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-10_000:]
