"""CONTRIBUTING.md leads somewhere: every path it names exists, and what it says to look for is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
ROOTS = (ROOT, ROOT / "src/madang")
PATHS = sorted(set(re.findall(r"`((?:\.?[\w-]+/)+[\w.-]*)`", PAGE)))
WAY = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.partition("| look for |")[2].partition("\n\n")[0], re.M
)[1:]


def resolved(path: str) -> Path:
    (found,) = {(root / path).resolve() for root in ROOTS if (root / path).exists()} or {ROOT / path}
    return found


@pytest.mark.parametrize("path", PATHS)
def test_a_path_exists(path: str) -> None:
    assert resolved(path).exists()
    assert len([root for root in ROOTS if (root / path).exists()]) == 1, "it could be either of two"


@pytest.mark.parametrize(("step", "where", "names"), WAY, ids=[step for step, *_ in WAY])
def test_what_a_step_says_to_look_for_is_there(step: str, where: str, names: str) -> None:
    code = "".join(resolved(path).read_text() for path in re.findall(r"`([^`]+)`", where))
    for name in re.findall(r"`(\w+)`", names):
        assert re.search(rf"^\s*(?:async )?(?:def|class) {name}\b", code, re.MULTILINE), name


def test_the_way_of_a_send_is_whole() -> None:
    bold = re.findall(r"\*\*(\w+)\*\*", "".join(step for step, *_ in WAY))
    assert bold == ["judged", "stored", "delivered"]


def test_code_in_the_examples_is_the_code() -> None:
    assembly = (ROOT / "src/madang/node/assembly.py").read_text()
    for text in re.findall(r"`(Part\(.+?\))`", PAGE):
        assert text in assembly
    messages = (ROOT / "src/madang/transports/http/routes/messages.py").read_text()
    for call in re.findall(r"`(node\.[\w.]+)`", PAGE):
        assert f"{call}(" in messages


def test_the_examples_are_used_where_the_page_says() -> None:
    """A setting's and an event type's name stand in each file of their tables."""
    examples = re.findall(r"^\*\*An? [^*]+\*\*, by the example of `([^`]+)`\.\n\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert [name for name, _ in examples] == ["max_rooms", "message.pinned"]
    forms = {"max_rooms": r"max_rooms", "message.pinned": r"message\.pinned|MessagePinned|\bPIN\b|\bpin\b|\bPin\b"}
    for name, table in examples:
        for path in re.findall(r"`([\w/]+\.(?:py|md))`", table):
            if "unsafe_settings" not in path:  # only where a value can be unsafe
                assert re.search(forms[name], resolved(path).read_text()), path
