"""The plan is drawn from its seed alone, whole and ahead of time."""

from itertools import islice

import msgspec
import pytest

from madang_proof.plan import Plan, actions, draw, make_plan

FAULTS = ["kill", "power", "freeze", "torn"]


def first_moves(plan: Plan, count: int = 300) -> list[list[object]]:
    return [list(islice(actions(plan, user), count)) for user in plan.users]


@pytest.mark.parametrize("seed", [0, 7, 123_456])
def test_the_same_seed_gives_the_same_plan_and_moves(seed: int) -> None:
    one, other = make_plan(seed, 60, FAULTS), make_plan(seed, 60, FAULTS)
    assert one == other
    assert first_moves(one) == first_moves(other)
    assert draw(seed, 20, FAULTS) == draw(seed, 20, FAULTS)


def test_another_seed_gives_another_plan() -> None:
    assert len({tuple(make_plan(seed, 60, FAULTS).injections) for seed in range(20)}) == 20
    assert first_moves(make_plan(1, 60)) != first_moves(make_plan(2, 60))
    assert len({tuple(draw(seed, 20, FAULTS)) for seed in range(20)}) > 5


def test_the_faults_that_were_drawn_make_the_same_plan_when_named() -> None:
    plan = make_plan(7, 20, draw(7, 20, FAULTS))
    assert make_plan(plan.seed, plan.seconds, ",".join(plan.faults).split(",")) == plan


def test_a_plan_survives_being_kept() -> None:
    plan = make_plan(7, 60, FAULTS)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


@pytest.mark.parametrize("seconds", [1, 8, 60, 600])
def test_each_fault_is_injected_within_the_time_and_in_order(seconds: float) -> None:
    injections = make_plan(3, seconds, FAULTS).injections
    assert {injection.fault for injection in injections} == set(FAULTS)
    times = [injection.at for injection in injections]
    assert times == sorted(times) and times[-1] <= max(seconds, 2.0)


def test_what_is_drawn_fits_into_the_time() -> None:
    assert len(draw(1, 8, FAULTS)) == 1
    assert len(draw(1, 20, FAULTS)) == 2
    assert sorted(draw(1, 600, FAULTS)) == sorted(FAULTS)


@pytest.mark.parametrize("seed", range(5))
def test_there_are_enough_users_rooms_and_connections(seed: int) -> None:
    plan = make_plan(seed, 60)
    assert len(plan.users) >= 20 and sum(user.clients for user in plan.users) >= 24
    assert len(plan.rooms) >= 4 and {room.access for room in plan.rooms} == {"open", "invite"}
    for room in plan.rooms:
        inside = {user.name for user in plan.users if room.id in user.rooms}
        assert {room.owner, room.moderator} <= inside and len(inside) >= 4
    assert plan.injections == ()


def test_some_come_with_tokens_that_end_but_where_the_clock_is_set() -> None:
    assert [user.tokens for user in make_plan(1, 60).users if user.tokens] == ["renewed", "short"] * 2
    assert not any(user.tokens for user in make_plan(1, 60, ["clock"]).users)


def test_a_share_comes_through_the_socketio_door_of_all_kinds() -> None:
    plan = make_plan(1, 60)
    people = [user for user in plan.users if user.socketio]
    assert 0.1 < len(people) / sum(user.clients for user in plan.users) < 0.25
    assert {user.clients for user in people} == {1, 2}
    assert any(user.slow for user in people) and any(user.account for user in people)
    assert {user.name for user in people} & {room.owner for room in plan.rooms}


def test_people_do_everything_at_an_even_pace() -> None:
    plan = make_plan(7, 60)
    made = [action for user in plan.users for action in islice(actions(plan, user), 400)]
    assert {action.do for action in made} == {
        "send", "repeat", "twin", "conflict", "edit", "delete", "react", "read", "page", "search", "unread", "presence",
        "drop", "pause", "leave", "kick", "ban", "mute", "unmute", "pin", "change", "sign_out",
    }  # fmt: skip
    sends = sum(action.size for action in made if action.do == "send")
    seconds = sum(list(islice(actions(plan, user), 400))[-1].at for user in plan.users) / len(plan.users)
    assert sends / seconds > 50, "thousands a minute"
    assert all(0 <= action.pick <= 1 for action in made)
    assert max(action.size for action in made if action.do == "send") <= 20
