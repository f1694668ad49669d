"""PROTOCOL.md says all that the code says, and its examples are real."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from madang.codes import CLOSES, ERRORS
from madang.core.events import TYPES
from madang.core.messages import Message
from madang.core.rooms import Membership
from madang.protocol.native import answers, frames
from madang.protocol.native.codec import decode
from madang.protocol.native.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "protocol/PROTOCOL.md").read_text("utf-8")
EXAMPLES = re.findall(r"^([→←]) (.*)$", PAGE, re.M)
SENT = [text for arrow, text in EXAMPLES if arrow == "→"]
RECEIVED = [text for arrow, text in EXAMPLES if arrow == "←"]
HEAD = {"op", "room", "seq", "type", "id", "user", "name", "at"}


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", PAGE, re.M | re.S)
    assert found, f"no section {title!r}"
    return found[1]


def first_table(text: str, title: str = "field") -> dict[str, str]:
    """The rows of the first table with this title, by the name (or names) in their first column."""
    table = re.search(rf"^\| {title} \|.*?\n((?:\|.*\n)*)", text, re.M)
    rows: dict[str, str] = {}
    for row in table[1].splitlines()[1:] if table else []:
        for name in re.findall(r"`([^`]+)`", row.split("|")[1]):
            rows[name] = row
    return rows


@pytest.mark.parametrize("op", COMMANDS)
def test_an_operation_has_its_section_and_every_field_its_row(op: str) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(COMMANDS[op]) if field.name != "n"}
    text = section(op)
    rows = first_table(text) if fields else {}
    assert set(rows) == set(fields)
    for name, field in fields.items():
        if field.default not in (None, msgspec.NODEFAULT) and isinstance(field.default, int) and name != "text":
            assert f"default {json.dumps(field.default)}" in rows[name]
    assert "answer" in text.lower()


def names(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("op", COMMANDS)
def test_an_operation_has_every_field_of_its_answer(op: str) -> None:
    kinds = get_args(answers.ANSWERS[op]) or (answers.ANSWERS[op],)
    text = section(op)
    if answers.AppendAnswer in kinds:
        assert ("Answer: appended, or `unchanged`" in text) == (answers.UnchangedAnswer in kinds)
        assert "Answer: appended" in text
    elif answers.EmptyAnswer in kinds:
        assert "Answered only when `n` is above 0" in text
    else:
        sentence = re.search(r"^Answer: (.*?)\n\n", text + "\n", re.M | re.S)
        told = set(re.findall(r"`(\w+)`", sentence[1])) if sentence else set(first_table(text, "answer"))
        assert told >= names(kinds[0]) - {"messages"}
        assert "messages" not in names(kinds[0]) or "messages" in told


def test_the_answer_of_what_appends_has_its_rows() -> None:
    assert set(first_table(section("Operations"))) == names(answers.AppendAnswer) | names(answers.UnchangedAnswer)


def test_the_tables_inside_answers_have_every_field() -> None:
    hello = section("hello").partition("Answer:")[2]
    assert set(first_table(hello)) == names(answers.ServerInfo)
    assert {*re.findall(r"`(\w+)`", first_table(section("join"), "answer")["room"])} - {
        "room",
        "open",
        "unlisted",
        "invite",
        "direct",
    } == (names(answers.RoomInfo))
    assert set(first_table(section("join"), "answer")) == names(answers.JoinAnswer)
    assert set(first_table(section("history").partition("Answer:")[2])) == names(Message)
    assert names(answers.MemberInfo) <= set(re.findall(r"`(\w+)`", section("members")))
    assert names(Membership) <= set(re.findall(r"`(\w+)`", section("rooms")))


@pytest.mark.parametrize("op", frames.FRAMES)
def test_a_frame_has_every_field_and_an_example(op: str) -> None:
    examples = [frame for frame in map(json.loads, RECEIVED) if frame["op"] == op]
    assert set().union(*examples) - {"op"} >= names(frames.FRAMES[op])
    for frame in examples:
        msgspec.json.decode(json.dumps(frame), type=frames.FRAMES[op])
        assert op == "event" or set(frame) - {"op"} <= names(frames.FRAMES[op])
    if op in ("typing", "read", "presence"):
        row = re.search(rf"^\| `{op}` \| (.*?) \|", section("Ephemeral frames"), re.M)
        assert row
        assert set(re.findall(r"`(\w+)`", row[1])) == names(frames.FRAMES[op])
    elif op == "event":
        assert set(first_table(section("Events"))) == names(frames.EventFrame) | {"op"}


def test_no_operation_is_made_up() -> None:
    written = re.findall(r"^### (.+)$", PAGE.partition("## Operations")[2].partition("## Events")[0], re.M)
    assert written == list(COMMANDS)


def test_the_fields_that_every_command_has() -> None:
    assert set(first_table(section("Commands and answers"))) == {"op", "n"}


def test_every_type_of_event_has_its_row() -> None:
    rows = re.findall(r"^\| `([a-z]+\.[a-z]+)` \|([^|]*)\|", section("Events"), re.M)
    assert [type for type, _ in rows] == list(TYPES)
    for type, fields in rows:
        assert set(re.findall(r"`(\w+)`", fields)) == names(TYPES[type])


@pytest.mark.parametrize("type", TYPES)
def test_every_type_of_event_has_an_example_with_its_fields(type: str) -> None:
    examples = [frame for frame in map(json.loads, RECEIVED) if frame.get("type") == type]
    assert examples
    row = re.search(rf"^\| `{re.escape(type)}` \| (.*?) \|", section("Events"), re.M)
    assert row
    for frame in examples:
        assert set(frame) >= HEAD
        assert set(frame) - HEAD <= set(re.findall(r"`(\w+)`", row[1]))
        msgspec.convert({name: value for name, value in frame.items() if name not in {*HEAD, "data"}}, TYPES[type])


def test_every_code_is_listed() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section("Errors"), re.M) == list(ERRORS)
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", section("Closes"), re.M)] == list(CLOSES)


def test_what_is_made_is_up_to_date() -> None:
    made = subprocess.run([sys.executable, ROOT / "scripts/generate", "--check"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr


@pytest.mark.parametrize("text", SENT)
def test_every_command_in_an_example_is_one(text: str) -> None:
    decode(text.encode())


@pytest.mark.parametrize("text", RECEIVED)
def test_every_answer_in_an_example_is_json_and_refuses_with_its_own_words(text: str) -> None:
    frame = json.loads(text)
    if frame["op"] == "error":
        code = ERRORS[frame["code"]]
        assert frame["message"].startswith(code.message)
        assert ("retry_ms" in frame) <= code.temporary


def test_codes_named_in_the_text_exist() -> None:
    named = {word for line in re.findall(r"Refused.*", PAGE) for word in re.findall(r"`([a-z_]+)`", line)}
    fields = {field.name for command in COMMANDS.values() for field in msgspec.structs.fields(command)}
    assert named - fields - {*COMMANDS, "max_rooms", "admin", "system"} <= set(ERRORS)
    assert {int(code) for code in re.findall(r"\b(10\d\d|44\d\d)\b", PAGE)} - {1006, 1024, 1204} <= set(CLOSES)


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", PAGE, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
