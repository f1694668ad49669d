"""Rolling papers are read as notes with their authors, whatever else is in them; nothing of theirs becomes markup."""

import json
from typing import Any

from pycrdt import Doc, Map, Text

from madang.core.renderings import rendered


def _paper(kind: Any, notes: dict[str, Any]) -> bytes:
    document: Doc[Any] = Doc()
    document["paper"] = Map({"kind": kind})
    document["notes"] = Map(notes)
    return document.get_update()


def _note(at: Any, name: Any, text: str) -> Map[Any]:
    return Map({"at": at, "name": name, "by": "u1", "x": 24.0, "y": 24.0, "colour": 1.0, "text": Text(text)})


def test_a_rolling_paper_is_its_notes_the_oldest_first() -> None:
    says = rendered(
        _paper("notes", {"b": _note(2.0, "보라", "축하해 😀\n<b>진짜</b>"), "a": _note(3.0, "M & N", "Bye")})
    )
    assert says.text == "축하해 😀\n<b>진짜</b>\n— 보라\n\nBye\n— M & N"
    assert says.html == (
        "<section><blockquote><p>축하해 😀</p><p>&lt;b&gt;진짜&lt;/b&gt;</p></blockquote><p>— 보라</p></section>"
        "<section><blockquote><p>Bye</p></blockquote><p>— M &amp; N</p></section>"
    )
    assert json.loads(says.json)["notes"]["b"]["name"] == "보라"


def test_what_is_no_note_is_left_out_of_a_rolling_paper() -> None:
    says = rendered(_paper("notes", {"a": "x", "b": Map({"name": "No text"}), "c": _note("soon", None, "Hi")}))
    assert says.text == "Hi\n— "
    assert set(json.loads(says.json)["notes"]) == {"a", "b", "c"}


def test_a_rolling_paper_without_notes_says_nothing() -> None:
    assert rendered(_paper("notes", {})).text == ""


def test_any_other_paper_is_its_roots() -> None:
    says = rendered(_paper("list", {"a": _note(1.0, "Mina", "Hi")}))
    assert "kind: list" in says.text
    assert "text: Hi" in says.text
