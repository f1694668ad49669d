"""The input line takes Hangul and keys as they come, and is drawn in one row."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.cli.editor import RECALLED, Editor, width


def typed(*pieces: str | bytes) -> tuple[Editor, list[str]]:
    editor, lines = Editor(), []
    for piece in pieces:
        lines += editor.feed(piece.encode() if isinstance(piece, str) else piece)
    return editor, lines


def test_lines_end_with_enter() -> None:
    editor, lines = typed("안녕\r", "하세요\n", "…")
    assert lines == ["안녕", "하세요"] and editor.text == "…"


def test_a_syllable_may_come_in_pieces() -> None:
    first, *rest = (bytes([b]) for b in "강".encode())
    editor, _ = typed(first, *rest, "\x7f", "산")
    assert editor.text == "산"


@pytest.mark.parametrize(
    ("keys", "text", "at"),
    [
        ("ab\x1b[Dc", "acb", 2),
        ("ab\x1b[D\x1b[D\x1b[Dc", "cab", 1),
        ("ab\x1b[H\x1b[3~", "b", 0),
        ("ab\x01\x1b[Cc\x05d", "acbd", 4),
        ("ab\x02\x7f", "b", 0),
        ("\x7f\x7f", "", 0),
        ("one two \x17", "one ", 4),
        ("one\x17", "", 0),
        ("one two\x02\x15", "o", 0),
        ("a\x1b[5~\x1b[1;5Cb\x1bxc\x1bOHd", "dabc", 1),  # unknown keys do nothing
        ("a\x00\x07\tb", "ab", 2),
    ],
)
def test_keys(keys: str, text: str, at: int) -> None:
    editor, _ = typed(keys)
    assert (editor.text, editor.at) == (text, at)


def test_end_of_input_is_ctrl_d_on_an_empty_line() -> None:
    editor, _ = typed("a\x04")
    assert not editor.over
    editor.feed(b"\x7f\x04")
    assert editor.over


def test_wide_characters_count_twice_and_combining_ones_not() -> None:
    assert width("가a") == 3 and width("e\u0301") == 1 and width("漢\u200d") == 2


@given(st.text("ab가漢e\u0301 ", max_size=60), st.integers(0, 60), st.integers(8, 40))
def test_the_line_fits_its_row_and_shows_the_cursor(text: str, left: int, columns: int) -> None:
    editor, _ = typed(text, "\x02" * left)
    view = editor.view(columns)
    back = re.search(r"\x1b\[(\d+)D$", view)
    shown = re.sub(r"\x1b\[[\d]*[KD]|\r", "", view).removeprefix("> ")
    assert width("> " + shown) < columns
    assert shown in editor.text
    assert width(shown) - int(back[1] if back else 0) >= 0


def test_arrows_bring_back_what_was_typed_and_the_line_one_was_at() -> None:
    editor, lines = typed("one\ntwo\ntwo\n  \ndraft")
    assert lines == ["one", "two", "two", "  "]
    for keys, shown in (
        ("\x1b[A", "two"),
        ("\x1b[A", "one"),
        ("\x10", "one"),
        ("\x1b[B", "two"),
        ("\x0e", "draft"),
        ("\x1b[B", "draft"),
    ):
        editor.feed(keys.encode())
        assert (editor.text, editor.at) == (shown, len(shown))
    editor.feed(b"\x1b[A!")
    assert editor.feed(b"\n") == ["two!"]
    editor.feed(b"\x1b[A")
    assert editor.text == "two!"


def test_what_can_be_brought_back_is_bounded() -> None:
    editor = Editor()
    for n in range(RECALLED + 50):
        editor.feed(f"{n}\n".encode())
    editor.feed(b"\x1b[A" * (RECALLED + 50))
    assert editor.text == "50"
