"""The two distributions fit together: one version, and everything that the proof needs is among the locked versions."""

import re
import tomllib
from pathlib import Path
from typing import Any

from madang.cli.plugins import SEPARATE

ROOT = Path(__file__).resolve().parents[2]


def project(folder: Path) -> dict[str, Any]:
    """Return the project table of a pyproject.toml."""
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return found


PRODUCT, PROOF = project(ROOT), project(ROOT / "proof")


def test_both_have_one_version_and_name_it_to_each_other() -> None:
    assert PRODUCT["version"] == PROOF["version"]
    assert PRODUCT["optional-dependencies"]["prove"] == [f"{PROOF['name']}=={PROOF['version']}"]
    assert f"{PRODUCT['name']}=={PRODUCT['version']}" in PROOF["dependencies"]


def test_every_separate_command_is_an_entry_point_of_the_proof() -> None:
    assert PROOF["entry-points"]["madang.commands"].keys() == SEPARATE.keys()


def test_what_the_proof_needs_is_locked() -> None:
    """`scripts/setup` installs it without resolving."""
    locked = set(re.findall(r"^([\w-]+)==", (ROOT / "requirements/runtime.lock").read_text(), re.MULTILINE))
    needed = {re.split(r"[<>=;\[ ]", each)[0] for each in PROOF["dependencies"]} - {PRODUCT["name"]}
    assert needed and needed <= locked


def test_both_are_under_one_licence() -> None:
    assert PRODUCT["license"] == PROOF["license"]
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "proof/LICENSE").read_bytes()
