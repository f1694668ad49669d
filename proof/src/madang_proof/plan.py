"""The plan of a run: who is there, what each of them does when, and which faults strike, all drawn from one seed.

Pure: no clock, no I/O, no server, so the same seed gives the same plan on every machine. A plan cannot know what will
be there when its time comes (which messages stand, where a position is); so a move carries `pick`, a number from 0 to
1 by which `person.py` chooses then.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

PEOPLE: Final = 20
ROOMS: Final = 5
PACE: Final = 2.5  # moves a second and person; with bursts, some 90 sends a second of all together
FAULT_S: Final = 6.0  # from one strike to the next, at least; most faults are over by then
CALM_S: Final = 2.0  # at both ends, without faults
BURST: Final = 20  # sends in one write, at most: below the 30 that a server takes from a user at once

# What a person does, and how often compared with the rest.
_MOVES: Final = {
    "send": 56, "repeat": 6, "twin": 2, "conflict": 1, "edit": 6, "delete": 3, "react": 5, "read": 6,
    "page": 4, "unread": 2, "presence": 2, "drop": 3, "pause": 1, "leave": 1,
}  # fmt: skip
_HOST_MOVES: Final = {"kick": 2, "pin": 2, "change": 1}
_SLOW_MOVES: Final = {"pause": 2}
_COMMON: Final = {"ping_s": "4"}  # so that a connection cut one way is found out within a storm
_SETTINGS: Final = (
    # Rates that an eager person stays below, so that the limits run without deciding; and none at all.
    {"user_rate": "50", "user_burst": "200", "command_rate": "200", "address_rate": "2000", "max_sockets_per_address": "20000"},
    {"load_test": "1"},
)  # fmt: skip


class Place(msgspec.Struct, frozen=True):
    """A room of the plan. `owner` and `moderator` are people's names; they stay, the others come and go."""

    room: str
    access: str
    owner: str
    moderator: str


class Person(msgspec.Struct, frozen=True):
    """Somebody of the plan: on how many devices at once, and in which rooms. `slow`: the last of the devices stops reading
    for long now and then, while its room is told more than waits for it in any buffer."""

    name: str
    devices: int
    rooms: tuple[str, ...]
    slow: bool = False


class Strike(msgspec.Struct, frozen=True):
    """A fault to come, `at` seconds after the storm began or when the one before is healed; `dice` seeds its chances."""

    at: float
    fault: str
    dice: int


class Plan(msgspec.Struct, frozen=True):
    """All of a run that is known beforehand. `moves` gives what a person does."""

    seed: int
    seconds: float
    faults: tuple[str, ...]
    places: tuple[Place, ...]
    people: tuple[Person, ...]
    strikes: tuple[Strike, ...]
    settings: dict[str, str]


class Move(msgspec.Struct, frozen=True):
    """What a person does `at` seconds after the storm began, in a room, `size` times over or for `size` tenths of a second."""

    at: float
    do: str
    room: str
    pick: float
    size: int = 1


def make_plan(seed: int, seconds: float, faults: Sequence[str] = ()) -> Plan:
    """Draw a plan. Each of `faults` strikes at least once, and all of them again and again while there is time.

    Args:
        seconds: how long the storm lasts; longer, if the faults take longer.
    """
    dice = _dice(seed, "plan")
    names = [f"Prover {number}" for number in range(1, PEOPLE + 1)]
    places = tuple(
        Place(f"room-{i + 1}", "invite" if i % 5 in (1, 3) else "open", owner=names[i], moderator=names[ROOMS + i])
        for i in range(ROOMS)
    )
    people = tuple(_person(dice, i, name, places) for i, name in enumerate(names))
    strikes = _strikes(dice, seconds, faults)
    return Plan(seed, seconds, tuple(faults), places, people, strikes, _COMMON | dice.choice(_SETTINGS))


def draw(seed: int, seconds: float, faults: Sequence[str]) -> list[str]:
    """Choose as many faults as there is time for."""
    return _dice(seed, "draw").sample(sorted(faults), min(len(faults), _room_for(seconds)))


def moves(plan: Plan, person: Person) -> Iterator[Move]:
    """Give what a person does, in order of time and without end; equal plans give equal moves."""
    dice = _dice(plan.seed, person.name)
    host = {place.room for place in plan.places if person.name in (place.owner, place.moderator)}
    at = 0.0
    while True:
        at += dice.expovariate(PACE)
        room = dice.choice(person.rooms)
        weights = _MOVES | (_HOST_MOVES if room in host else {}) | (_SLOW_MOVES if person.slow else {})
        (do,) = dice.choices(list(weights), list(weights.values()))
        size = 1
        if do == "send":
            size = min(BURST, int(dice.paretovariate(1.1)))
        elif do == "pause":
            size = dice.randint(60, 100) if person.slow else dice.randint(5, 30)
        elif do in ("drop", "leave"):
            size = dice.randint(0, 20)
        yield Move(round(at, 4), do, room, round(dice.random(), 6), size)


def _person(dice: random.Random, number: int, name: str, places: tuple[Place, ...]) -> Person:
    own = [place.room for place in places if name in (place.owner, place.moderator)]
    others = [place.room for place in places if place.room not in own]
    rooms = own + dice.sample(others, dice.randint(1, 3))
    slow = number % 7 == 6
    return Person(name, devices=2 if slow or number % 5 in (0, 3) else 1, rooms=tuple(sorted(rooms)), slow=slow)


def _strikes(dice: random.Random, seconds: float, faults: Sequence[str]) -> tuple[Strike, ...]:
    if not faults:
        return ()
    count = max(len(faults), _room_for(seconds))
    order: list[str] = []
    while len(order) < count:
        order += dice.sample(list(faults), len(faults))
    gap = max(0.0, seconds - 2 * CALM_S) / count
    return tuple(
        Strike(round(CALM_S + gap * (i + dice.random() / 2), 3), fault, dice.getrandbits(32))
        for i, fault in enumerate(order[:count])
    )


def _room_for(seconds: float) -> int:
    return max(1, int((seconds - 2 * CALM_S) / FAULT_S))


def _dice(seed: int, what: str) -> random.Random:
    return random.Random(f"{seed} {what}")  # noqa: S311  # seeded on purpose; nothing secret is drawn from it
