"""docs/reference/history.md names every record, field and invariant, and the examples of docs/guides/history.md are true."""

import re
from pathlib import Path
from typing import get_args

import msgspec

from madang_proof.history import TITLES, Record, check
from madang_proof.history.records import Message

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "guides/history.md").read_text()
REFERENCE = (DOCS / "reference/history.md").read_text()


def fields(kind: type[msgspec.Struct]) -> list[str]:
    """Return the fields of a record as the page writes them."""
    return [field.name + "?" * (not field.required) for field in msgspec.structs.fields(kind) if field.name != "t"]


def test_every_record_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", REFERENCE, re.MULTILINE)
    shown = {name: re.findall(r"`([\w?]+)`", cell) for name, cell in rows}
    assert shown == {kind.__name__.lower(): fields(kind) for kind in get_args(Record)}


def test_a_message_is_described() -> None:
    (sentence,) = re.findall(r"^Each of a page's .*$", REFERENCE, re.MULTILINE)
    assert re.findall(r"`([\w?]+)`", sentence)[1:] == fields(Message)


def test_every_invariant_has_its_row() -> None:
    assert dict(re.findall(r"^\| (I\d+) \| (.+?) \| .+ \|$", REFERENCE, re.MULTILINE)) == TITLES


def test_the_example_holds_and_its_mutant_does_not(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    (said,) = re.findall(r"^```\n(I1: .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "history.jsonl"
    path.write_text(example)
    verdict = check(path)
    assert verdict.held and verdict.results["I1"].checked
    path.write_text("hallo".join(example.rsplit("hello", 1)))
    assert str(check(path).violation) == said.rstrip("\n")
