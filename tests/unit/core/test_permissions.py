"""Who may do what to whom, cell by cell, as it is meant; and what code asks of the table."""

from collections.abc import Callable
from typing import Final

import pytest

from madang.core.permissions import (
    ABOVE,
    ACTORS,
    BANNED,
    KINDS,
    MUTED,
    NOBODY,
    SERVER,
    STATES,
    TABLE,
    Action,
    acting_role,
    may,
    need,
    need_to_grant,
    need_to_write,
    need_upon,
    refusal,
)
from madang.core.rooms import ROLES
from madang.errors import Refused

MEANT: Final = """
    action          open        unlisted    invite      viewer      member      moderator   owner       server
    SEE             .           .           not_found   .           .           .           .           .
    JOIN            .           .           not_found   .           .           .           .           .
    JOIN_INVITED    .           .           .           .           .           .           .           .
    READ            not_found   not_found   not_found   .           .           .           .           .
    MARK_READ       not_found   not_found   not_found   .           .           .           .           .
    REPORT          not_found   not_found   not_found   .           .           .           .           .
    TYPE            not_found   not_found   not_found   forbidden   .           .           .           .
    WRITE           not_found   not_found   not_found   forbidden   .           .           .           .
    DELETE_OWN      not_found   not_found   not_found   .           .           .           .           .
    LEAVE           not_member  not_member  not_member  .           .           .           .           .
    PIN             not_found   not_found   not_found   forbidden   forbidden   .           .           .
    DELETE_OTHERS   not_found   not_found   not_found   forbidden   forbidden   .           .           .
    SKIP_SLOW_MODE  not_found   not_found   not_found   forbidden   forbidden   .           .           .
    CHANGE_ROOM     not_found   not_found   not_found   forbidden   forbidden   .           .           .
    INVITE          not_found   not_found   not_found   forbidden   forbidden   .           .           .
    KICK            not_found   not_found   not_found   forbidden   forbidden   .           .           .
    MUTE            not_found   not_found   not_found   forbidden   forbidden   .           .           .
    BAN             not_found   not_found   not_found   forbidden   forbidden   .           .           .
    GRANT           not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
    REVIEW          not_found   not_found   not_found   forbidden   forbidden   .           .           .
    AUDIT           not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
    DELETE_ROOM     not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
"""
"""The first columns are of nobody, by the kind of room; the others are the same in rooms of every kind."""
HELD: Final = {
    BANNED: """
    action          open        unlisted    invite      viewer      member      moderator   owner       server
    JOIN            banned      banned      not_found   .           .           .           .           .
    JOIN_INVITED    banned      banned      not_found   .           .           .           .           .
    """,
    MUTED: """
    action          open        unlisted    invite      viewer      member      moderator   owner       server
    WRITE           not_found   not_found   not_found   forbidden   muted       muted       muted       .
    """,
}
"""What is different while a user is banned, or muted."""


def cells(grid: str, state: str) -> dict[tuple[Action, str, str, str], str]:
    head, *rows = [line.split() for line in grid.strip().splitlines()]
    found: dict[tuple[Action, str, str, str], str] = {}
    for name, *row in rows:
        for column, cell in zip(head[1:], row, strict=True):
            code = "" if cell == "." else cell
            if column in KINDS:
                found[Action[name], NOBODY, column, state] = code
            else:
                found |= {(Action[name], column, kind, state): code for kind in KINDS}
    return found


def meant() -> dict[tuple[Action, str, str, str], str]:
    found = {cell: code for state in STATES for cell, code in cells(MEANT, state).items()}
    return found | {cell: code for state, grid in HELD.items() for cell, code in cells(grid, state).items()}


def allowed(rule: Callable[..., object], *args: object) -> bool:
    try:
        rule(*args)
    except Refused as refused:
        assert refused.code == "forbidden"
        return False
    return True


def test_every_cell_is_as_it_is_meant() -> None:
    assert dict(TABLE) == meant()


def test_code_is_answered_by_the_cells() -> None:
    for (action, role, kind, state), code in TABLE.items():
        assert refusal(role, action, kind, state) == code
        if state:
            continue
        assert may(role, action, kind) is (code == "")
        if code:
            with pytest.raises(Refused) as refused:
                need(role, action, kind)
            assert refused.value.code == code
        else:
            need(role, action, kind)


def test_who_may_write_is_what_the_table_says() -> None:
    for role in (*ACTORS, "of 2031"):
        code = refusal(role, Action.WRITE)
        if code:
            with pytest.raises(Refused) as refused:
                need_to_write(role)
            assert refused.value.code == code
        else:
            need_to_write(role)


def test_what_a_later_version_stored_counts_as_the_least() -> None:
    for action in Action:
        for role in ACTORS:
            assert refusal(role, action, "of 2031") == refusal(role, action, "invite")
        for kind in KINDS:
            assert refusal("of 2031", action, kind) == refusal(NOBODY, action, "invite")


def test_nobody_acts_upon_their_equal() -> None:
    assert {pair for pair, above in ABOVE.items() if above} == {
        *((actor, NOBODY) for actor in (*ROLES, SERVER)),
        *(("member", below) for below in ("viewer",)),
        *(("moderator", below) for below in ("viewer", "member")),
        *(("owner", below) for below in ("viewer", "member", "moderator")),
        *((SERVER, role) for role in ROLES),
    }
    for action in (Action.KICK, Action.BAN, Action.MUTE):
        assert {(a, b) for a in ROLES for b in ROLES if allowed(need_upon, a, action, b)} == {
            ("owner", "moderator"),
            ("owner", "member"),
            ("owner", "viewer"),
            ("moderator", "member"),
            ("moderator", "viewer"),
        }
        assert all(allowed(need_upon, SERVER, action, role) for role in ROLES)
        assert not allowed(need_upon, "owner", action, "of 2031")


def test_owners_alone_grant_roles() -> None:
    assert {actor for actor in ROLES if all(allowed(need_to_grant, actor, role) for role in ROLES)} == {"owner"}
    assert not any(allowed(need_to_grant, actor, role) for actor in ("viewer", "member", "moderator") for role in ROLES)


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ["", "admin", "Owner", "system", NOBODY, SERVER])
def test_roles_that_do_not_exist(actor: str, role: str) -> None:
    with pytest.raises(Refused) as refused:
        need_to_grant(actor, role)
    assert refused.value.code == "bad_field"


def test_server_keys_act_as_such_and_non_members_as_nobody() -> None:
    assert {acting_role(role, server=True) for role in (None, *ROLES)} == {SERVER}
    assert {role: acting_role(role, server=False) for role in (None, *ROLES)} == {
        None: NOBODY, "viewer": "viewer", "member": "member", "moderator": "moderator", "owner": "owner",
    }  # fmt: skip
