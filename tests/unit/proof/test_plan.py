"""The plan is drawn from its seed alone, whole and ahead of time."""

from itertools import islice

import msgspec
import pytest

from madang_proof.plan import Plan, draw, make_plan, moves

FAULTS = ["kill", "power", "freeze", "torn"]


def first_moves(plan: Plan, count: int = 300) -> list[list[object]]:
    return [list(islice(moves(plan, person), count)) for person in plan.people]


@pytest.mark.parametrize("seed", [0, 7, 123_456])
def test_the_same_seed_gives_the_same_plan_and_moves(seed: int) -> None:
    one, other = make_plan(seed, 60, FAULTS), make_plan(seed, 60, FAULTS)
    assert one == other
    assert first_moves(one) == first_moves(other)
    assert draw(seed, 20, FAULTS) == draw(seed, 20, FAULTS)


def test_another_seed_gives_another_plan() -> None:
    assert len({tuple(make_plan(seed, 60, FAULTS).strikes) for seed in range(20)}) == 20
    assert first_moves(make_plan(1, 60)) != first_moves(make_plan(2, 60))
    assert len({tuple(draw(seed, 20, FAULTS)) for seed in range(20)}) > 5


def test_the_faults_that_were_drawn_make_the_same_plan_when_named() -> None:
    plan = make_plan(7, 20, draw(7, 20, FAULTS))
    assert make_plan(plan.seed, plan.seconds, ",".join(plan.faults).split(",")) == plan


def test_a_plan_survives_being_kept() -> None:
    plan = make_plan(7, 60, FAULTS)
    assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan


@pytest.mark.parametrize("seconds", [1, 8, 60, 600])
def test_each_fault_strikes_within_the_time_and_in_order(seconds: float) -> None:
    strikes = make_plan(3, seconds, FAULTS).strikes
    assert {strike.fault for strike in strikes} == set(FAULTS)
    times = [strike.at for strike in strikes]
    assert times == sorted(times) and times[-1] <= max(seconds, 2.0)


def test_what_is_drawn_fits_into_the_time() -> None:
    assert len(draw(1, 8, FAULTS)) == 1
    assert len(draw(1, 20, FAULTS)) == 2
    assert sorted(draw(1, 600, FAULTS)) == sorted(FAULTS)


@pytest.mark.parametrize("seed", range(5))
def test_there_are_people_rooms_and_connections_enough(seed: int) -> None:
    plan = make_plan(seed, 60)
    assert len(plan.people) >= 20 and sum(person.devices for person in plan.people) >= 24
    assert len(plan.places) >= 4 and {place.access for place in plan.places} == {"open", "invite"}
    for place in plan.places:
        inside = {person.name for person in plan.people if place.room in person.rooms}
        assert {place.owner, place.moderator} <= inside and len(inside) >= 4
    assert plan.strikes == ()


def test_people_do_everything_at_an_even_pace() -> None:
    plan = make_plan(7, 60)
    made = [move for person in plan.people for move in islice(moves(plan, person), 400)]
    assert {move.do for move in made} == {
        "send", "repeat", "twin", "conflict", "edit", "delete", "react", "read", "page", "unread", "presence",
        "drop", "pause", "leave", "kick", "pin", "change",
    }  # fmt: skip
    sends = sum(move.size for move in made if move.do == "send")
    seconds = sum(list(islice(moves(plan, person), 400))[-1].at for person in plan.people) / len(plan.people)
    assert sends / seconds > 50, "thousands a minute"
    assert all(0 <= move.pick <= 1 for move in made)
    assert max(move.size for move in made if move.do == "send") <= 20
