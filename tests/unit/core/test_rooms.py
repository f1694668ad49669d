"""Rules of rooms: what an id may be."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.rooms import LOBBY, room_id
from madang.errors import Refused


@pytest.mark.parametrize("id", [LOBBY, "a", "0", "a-b_c", "a" * 64, "q-and-a-2026"])
def test_which_room_ids_are_taken(id: str) -> None:
    assert room_id(id) == id


@pytest.mark.parametrize(
    "id",
    [
        "",
        "-a",
        "_a",
        "A",
        "a/../b",
        "x*",
        ">",
        "a.b",
        "a b",
        "a\r\nb",
        "a\n",
        "{tag}",
        "[ab]?",
        "a" * 65,
        "é",
        "방",
        "\u0661",
        "a\0",
        "'; DROP--",
    ],
)
def test_what_is_no_room_id(id: str) -> None:
    with pytest.raises(Refused) as refused:
        room_id(id)
    assert refused.value.code == "bad_field"


@given(st.text(max_size=70))
def test_a_room_id_is_safe_in_a_url_a_subject_and_a_key(id: str) -> None:
    try:
        room_id(id)
    except Refused:
        return
    assert re.fullmatch("[a-z0-9_-]+", id)
