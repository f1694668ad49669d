"""Rules of rooms: what an id may be, and who may do what to whom."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.rooms import LOBBY, ROLES, is_moderator, need_above, need_grant, need_moderator, room_id
from madang.errors import Refused


@pytest.mark.parametrize("id", [LOBBY, "a", "0", "a-b_c", "a" * 64, "q-and-a-2026"])
def test_room_ids(id: str) -> None:
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


def allowed(rule, *args: str) -> bool:
    try:
        rule(*args)
    except Refused as refused:
        assert refused.code == "forbidden"
        return False
    return True


def test_who_moderates() -> None:
    assert {role for role in ROLES if is_moderator(role)} == {"moderator", "owner"}
    assert {role for role in ROLES if allowed(need_moderator, role)} == {"moderator", "owner"}


def test_nobody_kicks_his_equal() -> None:
    assert {(a, b) for a in ROLES for b in ROLES if allowed(need_above, a, b)} == {
        ("owner", "moderator"),
        ("owner", "member"),
        ("moderator", "member"),
    }


def test_owners_alone_give_roles() -> None:
    assert {actor for actor in ROLES if all(allowed(need_grant, actor, role) for role in ROLES)} == {"owner"}
    assert not any(allowed(need_grant, actor, role) for actor in ("member", "moderator") for role in ROLES)


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ["", "admin", "Owner", "system"])
def test_roles_that_do_not_exist(actor: str, role: str) -> None:
    with pytest.raises(Refused) as refused:
        need_grant(actor, role)
    assert refused.value.code == "bad_field"
