"""How a paper goes back to a version, whatever was written since, and by how many at once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from madang.core.documents import EMPTY, Undecodable
from madang.core.renderings import roots_of
from madang.core.restoring import change_back

WORDS = st.text(st.sampled_from("ab한글😀👩‍👩‍👧\n"), min_size=1, max_size=6)
EDIT = st.tuples(st.integers(0, 9), st.integers(0, 2), st.integers(0, 99), WORDS, st.booleans())


def said(document: Doc[Any]) -> dict[str, Any]:
    return {name: root for name, root in roots_of(document).items() if root}


def whole(document: Doc[Any]) -> bytes:
    return document.get_update()


def of(*updates: bytes) -> Doc[Any]:
    document: Doc[Any] = Doc()
    for update in updates:
        document.apply_update(update or EMPTY)
    return document


def edit(document: Doc[Any], kind: int, at: int, words: str) -> None:
    """Make an edit of some kind somewhere: in a text, in notes, in a list of lists, in elements."""
    text, notes = document.get("text", type=Text), document.get("notes", type=Map)
    rows, page = document.get("rows", type=Array), document.get("page", type=XmlFragment)
    so_far, id = str(text), "abc"[at % 3]
    place = len(so_far[: at % (len(so_far) + 1)].encode())
    match kind:
        case 0 | 1:
            text.insert(place, words)
        case 2 if so_far:
            del text[place:]
        case 3:
            notes[id] = Map({"text": Text(words), "x": at})
        case 4 if id in notes:
            del notes[id]
        case 5 | 6 if id in notes:
            notes[id]["x"] = at
            notes[id]["text"].insert(0, words)
        case 7:
            rows.insert(at % (len(rows) + 1), Array([at, Map({"words": Text(words)})]))
        case 8 if len(rows):
            rows[at % len(rows)][1]["words"].insert(0, words)
        case 9 if len(rows):
            del rows[at % len(rows)]
        case _:
            page.children.append(XmlElement("p", {"at": str(at)}, [XmlText(words)]))


@settings(max_examples=100)
@given(st.lists(EDIT, min_size=1, max_size=30), st.data())
def test_a_paper_says_again_what_it_said(edits: list[tuple[int, int, int, str, bool]], data: st.DataObject) -> None:
    """Three write at once, and hear of each other from time to time. Whoever made the version is any of them."""
    writers: list[Doc[Any]] = [Doc() for _ in range(3)]

    def meet() -> None:
        for one in writers:
            for other in writers:
                other.apply_update(one.get_update(other.get_state()))

    kept_after = data.draw(st.integers(0, len(edits)))
    version = whole(writers[0])
    for n, (kind, who, at, words, met) in enumerate(edits):
        if n == kept_after:
            meet()
            version = whole(writers[0])
        edit(writers[who], kind, at, words)
        if met:
            meet()
    meet()
    now = whole(writers[0])
    change = change_back(now, version)
    restored = of(now, change)
    assert said(restored) == said(of(version))
    assert change_back(whole(restored), version) == b""
    again = of(whole(restored), change_back(whole(restored), now))
    assert said(again) == said(of(now)), "one can go forth again"


def test_what_is_written_meanwhile_stays() -> None:
    """Somebody writes in a note that both have while another goes back: it is the same note, and has both."""
    here: Doc[Any] = Doc()
    notes = here.get("notes", type=Map)
    notes["a"] = Map({"text": Text("축하해 😀")})
    version = whole(here)
    notes["a"]["text"].insert(len("축하해 😀".encode()), " 내일 봐")
    notes["b"] = Map({"text": Text("later")})
    there = of(whole(here))
    theirs = there.get("notes", type=Map)["a"]["text"]
    theirs.insert(0, "🎂 ")
    change = change_back(whole(here), version)
    for one, other in ((here, there), (there, here)):
        one.apply_update(change)
        one.apply_update(other.get_update(one.get_state()))
    assert said(here) == said(there) == {"notes": {"a": {"text": "🎂 축하해 😀"}}}


def test_it_is_as_small_as_what_was_changed() -> None:
    here: Doc[Any] = Doc()
    text = here.get("text", type=Text)
    text += "한글 " * 10_000
    version = whole(here)
    text.insert(len("한글 ".encode()), "세 글자")
    assert len(change_back(whole(here), version)) < 100


def test_formatted_text_keeps_its_format() -> None:
    here: Doc[Any] = Doc()
    text = here.get("text", type=Text)
    text += "굵은 글"
    text.format(0, len("굵은".encode()), {"bold": True})
    version = whole(here)
    text.format(0, len("굵은".encode()), {"bold": None})
    del text[0:3]
    restored = of(whole(here), change_back(whole(here), version))
    assert restored.get("text", type=Text).diff() == [("굵은", {"bold": True}), (" 글", None)]


def test_what_is_too_deep_is_not_gone_back_to() -> None:
    here: Doc[Any] = Doc()
    deepest: Any = Array()
    here["rows"] = deepest
    for _ in range(70):
        inner: Any = Array()
        deepest.append(inner)
        deepest = inner
    with pytest.raises(Undecodable):
        change_back(b"", whole(here))


def test_nothing_is_changed_where_nothing_was_written() -> None:
    assert change_back(b"", b"") == b""
    here: Doc[Any] = Doc()
    here["text"] = Text("a")
    assert change_back(whole(here), whole(here)) == b""
    assert said(of(whole(here), change_back(whole(here), b""))) == {}


def test_a_change_of_format_alone_is_one() -> None:
    here: Doc[Any] = Doc()
    text = here.get("text", type=Text)
    text += "글"
    version = whole(here)
    text.format(0, 3, {"bold": True})
    restored = of(whole(here), change_back(whole(here), version))
    assert restored.get("text", type=Text).diff() == [("글", None)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"image": "a.png"}, {"image": "b.png"}),
        ("words", {"image": "b.png"}),
        ({"rows": [1, {"deep": "한"}]}, {"rows": [1, {"deep": "글"}]}),
    ],
)
def test_another_thing_embedded_is_a_change(before: Any, after: Any) -> None:
    here: Doc[Any] = Doc()
    text = here.get("text", type=Text)
    text += "그림: "
    end = len("그림: ".encode())
    text.insert_embed(end, before)
    version = whole(here)
    del text[end : end + 1]
    text.insert_embed(end, after)
    restored = of(whole(here), change_back(whole(here), version))
    assert restored.get("text", type=Text).diff() == of(version).get("text", type=Text).diff()
    assert len(restored.get("text", type=Text).diff()) == 2


def test_what_is_embedded_too_deep_is_not_gone_back_to() -> None:
    here: Doc[Any] = Doc()
    text = here.get("text", type=Text)
    text += "a"
    deep: Any = "bottom"
    for _ in range(70):
        deep = [deep]
    text.insert_embed(1, deep)
    with pytest.raises(Undecodable):
        change_back(b"", whole(here))
