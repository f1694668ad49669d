"""Who may do what to whom, cell by cell, as it is meant; and what code asks of the table."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest

from madang.core.events import RoomChanged
from madang.core.permissions import (
    ABOVE,
    ACTORS,
    ANNOUNCING,
    ARCHIVED,
    BANNED,
    GRANTS,
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
    need_to_change,
    need_to_grant,
    need_to_write,
    need_upon,
    refusal,
    state_of,
)
from madang.core.rooms import DIRECT, ROLES, Room, changed
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
    PAPERS          not_found   not_found   not_found   forbidden   forbidden   .           .           .
    DELETE_OTHERS   not_found   not_found   not_found   forbidden   forbidden   .           .           .
    SKIP_SLOW_MODE  not_found   not_found   not_found   forbidden   forbidden   .           .           .
    CHANGE_ROOM     not_found   not_found   not_found   forbidden   forbidden   .           .           .
    WORDS           not_found   not_found   not_found   forbidden   forbidden   .           .           .
    INVITE          not_found   not_found   not_found   forbidden   forbidden   .           .           .
    KICK            not_found   not_found   not_found   forbidden   forbidden   .           .           .
    MUTE            not_found   not_found   not_found   forbidden   forbidden   .           .           .
    BAN             not_found   not_found   not_found   forbidden   forbidden   .           .           .
    REVIEW          not_found   not_found   not_found   forbidden   forbidden   .           .           .
    GRANT           not_found   not_found   not_found   forbidden   forbidden   .           .           .
    ADD             not_found   not_found   not_found   forbidden   forbidden   forbidden   forbidden   .
    AUDIT           not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
    ARCHIVE         not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
    CHANGE_HISTORY  not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
    PURGE           not_found   not_found   not_found   forbidden   forbidden   forbidden   forbidden   .
    ERASE           not_found   not_found   not_found   forbidden   forbidden   forbidden   forbidden   .
    DELETE_ROOM     not_found   not_found   not_found   forbidden   forbidden   forbidden   .           .
"""
"""The first columns are of nobody, by the kind of room; the others are the same in rooms of every kind but direct ones."""
IN_DIRECT: Final = """
    action          direct      viewer      member      moderator   owner       server
    SEE             not_found   .           .           .           .           .
    JOIN            not_found   .           .           .           .           forbidden
    JOIN_INVITED    not_found   .           .           .           .           forbidden
    INVITE          not_found   forbidden   forbidden   forbidden   forbidden   forbidden
    KICK            not_found   forbidden   forbidden   forbidden   forbidden   forbidden
    BAN             not_found   forbidden   forbidden   forbidden   forbidden   forbidden
    GRANT           not_found   forbidden   forbidden   forbidden   forbidden   forbidden
"""
"""What is different in direct rooms: nobody is like nobody in an invite-only room else."""
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
    ANNOUNCING: """
    action          open        unlisted    invite      viewer      member      moderator   owner       server
    TYPE            not_found   not_found   not_found   forbidden   forbidden   .           .           .
    WRITE           not_found   not_found   not_found   forbidden   forbidden   .           .           .
    """,
    ARCHIVED: """
    action          open        unlisted    invite      viewer      member      moderator   owner       server
    TYPE            not_found   not_found   not_found   forbidden   archived    archived    archived    archived
    WRITE           not_found   not_found   not_found   forbidden   archived    archived    archived    archived
    PIN             not_found   not_found   not_found   forbidden   forbidden   archived    archived    archived
    PAPERS          not_found   not_found   not_found   forbidden   forbidden   archived    archived    archived
    """,
}
"""What is different while a user is banned or muted, or few write in the room, or it is archived."""


def cells(grid: str, state: str, kinds: Sequence[str] = KINDS) -> dict[tuple[Action, str, str, str], str]:
    head, *rows = [line.split() for line in grid.strip().splitlines()]
    found: dict[tuple[Action, str, str, str], str] = {}
    for name, *row in rows:
        for column, cell in zip(head[1:], row, strict=True):
            code = "" if cell == "." else cell
            if column in KINDS:
                found[Action[name], NOBODY, column, state] = code
            else:
                found |= {(Action[name], column, kind, state): code for kind in kinds}
            if column == "invite":
                found[Action[name], NOBODY, DIRECT, state] = code
    return found


def meant() -> dict[tuple[Action, str, str, str], str]:
    found = {cell: code for state in STATES for cell, code in cells(MEANT, state).items()}
    found |= {cell: code for state, grid in HELD.items() for cell, code in cells(grid, state).items()}
    return found | {cell: code for state in STATES for cell, code in cells(IN_DIRECT, state, (DIRECT,)).items()}


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
        assert state or may(role, action, kind) is (code == "")
        if code:
            with pytest.raises(Refused) as refused:
                need(role, action, kind, state)
            assert refused.value.code == code
        else:
            need(role, action, kind, state)


def test_who_may_write_is_what_the_table_says() -> None:
    for role in (*ACTORS, "of 2031"):
        for state in ("", ANNOUNCING, ARCHIVED):
            code = refusal(role, Action.WRITE, state=state)
            if code:
                with pytest.raises(Refused) as refused:
                    need_to_write(role, state)
                assert refused.value.code == code
            else:
                need_to_write(role, state)


def test_the_state_of_a_room_is_who_may_write_there() -> None:
    room = Room(id="yard", title="Yard", access="open", slow_ms=0)
    assert state_of(room) == ""
    for write in ("moderators", "of 2031"):
        few = changed(room, RoomChanged(write=write))
        assert state_of(few) == ANNOUNCING
        assert state_of(changed(few, RoomChanged(archived=True))) == ARCHIVED
    assert state_of(changed(room, RoomChanged(archived=True))) == ARCHIVED


def test_settings_are_changed_by_whom_the_table_says() -> None:
    some: list[dict[str, Any]] = [{"title": "New"}, {"access": "invite"}, {"slow_ms": 0}, {"write": "moderators"}, {}]
    cases = [(each, Action.CHANGE_ROOM) for each in some]
    cases += [({"archived": True}, Action.ARCHIVE), ({"history": "all"}, Action.CHANGE_HISTORY)]
    cases += [({"keep_ms": 0}, Action.CHANGE_HISTORY), ({"keep_messages": 0}, Action.CHANGE_HISTORY)]
    for change, action in cases:
        assert {role for role in ACTORS if may(role, action)} == {
            role for role in ACTORS[1:] if allowed(need_to_change, role, RoomChanged(**change))
        }
    assert not allowed(need_to_change, "moderator", RoomChanged(title="New", archived=False))
    assert allowed(need_to_change, "owner", RoomChanged(title="New", archived=False))


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
        assert allowed(need_upon, SERVER, action, "member", DIRECT) is (action is Action.MUTE)
        assert not allowed(need_upon, "owner", action, "of 2031")


def test_owners_grant_every_role_and_moderators_those_below_theirs() -> None:
    assert {pair for pair, grants in GRANTS.items() if grants} == {
        *((actor, role) for actor in ("owner", SERVER) for role in ROLES),
        ("moderator", "viewer"),
        ("moderator", "member"),
    }
    for actor in ACTORS:
        for had in ROLES:
            for role in ROLES:
                assert allowed(need_to_grant, actor, had, role) is (GRANTS[actor, had] and GRANTS[actor, role])
        assert allowed(need_to_grant, actor, "of 2031", "viewer") is GRANTS[actor, "viewer"]


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ["", "admin", "Owner", "system", NOBODY, SERVER])
def test_roles_that_do_not_exist(actor: str, role: str) -> None:
    with pytest.raises(Refused) as refused:
        need_to_grant(actor, "viewer", role)
    assert refused.value.code == "bad_field"


def test_server_keys_act_as_such_and_non_members_as_nobody() -> None:
    assert {acting_role(role, server=True) for role in (None, *ROLES)} == {SERVER}
    assert {role: acting_role(role, server=False) for role in (None, *ROLES)} == {
        None: NOBODY, "viewer": "viewer", "member": "member", "moderator": "moderator", "owner": "owner",
    }  # fmt: skip
