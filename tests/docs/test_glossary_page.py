"""Every term of docs/reference/glossary.md is in use, is there once, and is where a reader looks for it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs/reference/glossary.md"
SECTIONS = [
    re.findall(r"^\| ([^|]+?) \| (.+?) \|$", section, re.MULTILINE)[1:]
    for section in GLOSSARY.read_text().split("\n## ")[1:]
]
TERMS = [term for section in SECTIONS for term, _ in section]


@pytest.fixture(scope="module")
def words() -> str:
    """Everything that speaks of Madang, but the glossary itself."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "src", "proof", "docs", "protocol", "tests/broken_servers"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    paths = [ROOT / name for name in listed.split("\0") if name.endswith((".py", ".md", ".toml"))]
    return "\n".join(path.read_text("utf-8") for path in paths if path != GLOSSARY and path.exists()).lower()


def forms(term: str) -> str:
    """A pattern for a term as it is written: parted by spaces, hyphens, underscores or nothing, with its endings."""
    return r"(?<![a-z])" + r"[\s_-]?".join(map(re.escape, term.split())) + r"(?:s|es|d|[np]?(?:ed|ing))?(?![a-z])"


@pytest.mark.parametrize("term", TERMS)
def test_a_term_is_in_use(term: str, words: str) -> None:
    assert re.search(forms(term), words), f"nothing says {term!r}: drop it, or use it"


def test_terms_stand_once_and_in_order() -> None:
    assert len(TERMS) == len(set(TERMS)) > 60
    for section in SECTIONS:
        assert [term for term, _ in section] == sorted(term for term, _ in section)


def test_a_meaning_is_a_sentence() -> None:
    for section in SECTIONS:
        for term, meaning in section:
            assert meaning[0].isupper() or meaning.startswith("`"), term
            assert meaning.endswith("."), term
