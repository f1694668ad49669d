"""Who may do what to whom, by the table of permissions."""

from collections.abc import Callable

import pytest

from madang.core.permissions import LEAST, SERVER, Action, acting_role, may, need, need_to_grant, need_to_kick
from madang.core.rooms import ROLES
from madang.errors import Refused


def allowed(rule: Callable[..., object], *args: object) -> bool:
    try:
        rule(*args)
    except Refused as refused:
        assert refused.code == "forbidden"
        return False
    return True


def test_every_action_has_a_role() -> None:
    assert set(LEAST) == set(Action)


@pytest.mark.parametrize("action", Action)
def test_actions_are_for_those_who_moderate_and_roles_for_owners(action: Action) -> None:
    roles = {"owner"} if action in (Action.GRANT, Action.DELETE_ROOM) else {"moderator", "owner"}
    assert {role for role in ROLES if may(role, action)} == roles
    assert {role for role in ROLES if allowed(need, role, action)} == roles


def test_nobody_kicks_their_equal() -> None:
    assert {(a, b) for a in ROLES for b in ROLES if allowed(need_to_kick, a, b)} == {
        ("owner", "moderator"),
        ("owner", "member"),
        ("moderator", "member"),
    }


def test_server_keys_are_above_all_roles_and_no_role() -> None:
    assert all(may(SERVER, action) for action in Action)
    assert all(allowed(need_to_kick, SERVER, role) for role in ROLES)
    assert SERVER not in ROLES


def test_owners_alone_grant_roles() -> None:
    assert {actor for actor in ROLES if all(allowed(need_to_grant, actor, role) for role in ROLES)} == {"owner"}
    assert not any(allowed(need_to_grant, actor, role) for actor in ("member", "moderator") for role in ROLES)


@pytest.mark.parametrize("actor", ROLES)
@pytest.mark.parametrize("role", ["", "admin", "Owner", "system"])
def test_roles_that_do_not_exist(actor: str, role: str) -> None:
    with pytest.raises(Refused) as refused:
        need_to_grant(actor, role)
    assert refused.value.code == "bad_field"


def test_server_keys_act_as_such_and_non_members_as_plain_members() -> None:
    assert {acting_role(role, server=True) for role in (None, *ROLES)} == {SERVER}
    assert {role: acting_role(role, server=False) for role in (None, *ROLES)} == {
        None: "member", "member": "member", "moderator": "moderator", "owner": "owner",
    }  # fmt: skip
