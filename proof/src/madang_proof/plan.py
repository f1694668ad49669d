"""The plan of a run: its users, what each of them does when, and which faults are injected, all drawn from one seed.

Pure: no clock, no I/O, no server, so the same seed makes the same plan on every machine. A plan cannot know the state it
will meet (which messages exist, where a position is), so an action carries `pick`, a number from 0 to 1 by which
`load/virtual_user.py` chooses when the time comes.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

USERS: Final = 20
ROOMS: Final = 5
PACE: Final = 2.5  # actions per second and user; with bursts, all users together send some 90 messages a second
FAULT_S: Final = 6.0  # at least, from one injection to the next; most faults are over by then
CALM_S: Final = 2.0  # without faults, at both ends
BURST: Final = 20  # at most, sends in one write: fewer than the 30 that a server accepts from a user at once

# What a user does, and how often compared with the rest.
_ACTIONS: Final = {
    "send": 56, "repeat": 6, "twin": 2, "conflict": 1, "edit": 6, "delete": 3, "react": 5, "read": 6,
    "page": 4, "search": 4, "unread": 2, "presence": 2, "drop": 3, "pause": 1, "leave": 1,
}  # fmt: skip
_HOST_ACTIONS: Final = {"kick": 2, "ban": 2, "mute": 4, "unmute": 1, "pin": 2, "change": 1}
_SLOW_ACTIONS: Final = {"pause": 2}
_ACCOUNT_ACTIONS: Final = {"sign_out": 2}
_COMMON: Final = {
    "ping_s": "4",  # so that a connection that is cut one way is detected within a storm
    "jwt_secret": "of the issuer that provers come from",
    "accounts": "open",  # which they are not by themselves where there is an issuer
}
_SETTINGS: Final = (
    # Rates that an eager user stays below, so that the limits run without deciding anything; and no rates at all.
    {"user_rate": "50", "user_burst": "200", "command_rate": "200", "address_rate": "2000", "max_sockets_per_address": "20000"},
    {"load_test": "1"},
)  # fmt: skip


class RoomPlan(msgspec.Struct, frozen=True):
    """A room. `owner` and `moderator` are names of users who stay; the others come and go."""

    id: str
    access: str
    owner: str
    moderator: str


class UserPlan(msgspec.Struct, frozen=True):
    """A user: how many clients they connect with, and their rooms.

    `account`: they sign in by a login, and sometimes end the session that their connections are of.
    `tokens`: they come with tokens of an issuer that end within seconds, and show newer ones in time ("renewed") or not ("short").
    `slow`: the last client sometimes stops reading for long, while its room gets more messages than any buffer holds.
    `socketio`: the last client comes through the Socket.IO door.
    """

    name: str
    clients: int
    rooms: tuple[str, ...]
    slow: bool = False
    account: bool = False
    tokens: str = ""
    socketio: bool = False


class Injection(msgspec.Struct, frozen=True):
    """A fault to inject `at` seconds after the storm began, or when the one before has healed.

    `dice` seeds what is random about it.
    """

    at: float
    fault: str
    dice: int


class Plan(msgspec.Struct, frozen=True):
    """All of a run that is known beforehand. `actions` returns what a user does."""

    seed: int
    seconds: float
    faults: tuple[str, ...]
    rooms: tuple[RoomPlan, ...]
    users: tuple[UserPlan, ...]
    injections: tuple[Injection, ...]
    settings: dict[str, str]


class Action(msgspec.Struct, frozen=True):
    """What a user does in a room, `at` seconds after the storm began.

    `size`: how many times, or for how many tenths of a second.
    """

    at: float
    do: str
    room: str
    pick: float
    size: int = 1


def make_plan(seed: int, seconds: float, faults: Sequence[str] = ()) -> Plan:
    """Draw a plan. Each of `faults` is injected at least once, and again while there is time.

    Args:
        seconds: how long the storm lasts; it lasts longer if the faults take longer.
    """
    dice = _dice(seed, "plan")
    names = [f"Prover {number}" for number in range(1, USERS + 1)]
    rooms = tuple(
        RoomPlan(f"room-{i + 1}", "invite" if i % 5 in (1, 3) else "open", owner=names[i], moderator=names[ROOMS + i])
        for i in range(ROOMS)
    )
    users = tuple(_user(dice, i, name, rooms, clock="clock" in faults) for i, name in enumerate(names))
    injections = _injections(dice, seconds, faults)
    return Plan(seed, seconds, tuple(faults), rooms, users, injections, _COMMON | dice.choice(_SETTINGS))


def draw(seed: int, seconds: float, faults: Sequence[str]) -> list[str]:
    """Choose as many faults as there is time for."""
    return _dice(seed, "draw").sample(sorted(faults), min(len(faults), _injections_in(seconds)))


def actions(plan: Plan, user: UserPlan) -> Iterator[Action]:
    """Yield what a user does, in order of time and without end; equal plans yield equal actions."""
    dice = _dice(plan.seed, user.name)
    hosted = {room.id for room in plan.rooms if user.name in (room.owner, room.moderator)}
    at = 0.0
    while True:
        at += dice.expovariate(PACE)
        room = dice.choice(user.rooms)
        weights = _ACTIONS | (_HOST_ACTIONS if room in hosted else {}) | (_SLOW_ACTIONS if user.slow else {})
        weights |= _ACCOUNT_ACTIONS if user.account else {}
        (do,) = dice.choices(list(weights), list(weights.values()))
        size = 1
        if do == "send":
            size = min(BURST, int(dice.paretovariate(1.1)))
        elif do == "pause":
            size = dice.randint(60, 100) if user.slow else dice.randint(5, 30)
        elif do in ("drop", "leave"):
            size = dice.randint(0, 20)
        yield Action(round(at, 4), do, room, round(dice.random(), 6), size)


def _user(dice: random.Random, number: int, name: str, rooms: tuple[RoomPlan, ...], *, clock: bool) -> UserPlan:
    own = [room.id for room in rooms if name in (room.owner, room.moderator)]
    others = [room.id for room in rooms if room.id not in own]
    joined = own + dice.sample(others, dice.randint(1, 3))
    slow = number % 7 == 6
    short = not (clock or own)  # no token lasts where somebody sets the clock, and owners stay
    return UserPlan(
        name,
        clients=2 if slow or number % 5 in (0, 3) else 1,
        rooms=tuple(sorted(joined)),
        slow=slow,
        account=number % 5 == 4,
        tokens={1: "renewed", 2: "short"}.get(number % 5, "") if short else "",
        socketio=number % 5 == 3 or number == USERS - 1,  # hosts and guests, of a slow reader and of an account, too
    )


def _injections(dice: random.Random, seconds: float, faults: Sequence[str]) -> tuple[Injection, ...]:
    if not faults:
        return ()
    count = max(len(faults), _injections_in(seconds))
    order: list[str] = []
    while len(order) < count:
        order += dice.sample(list(faults), len(faults))
    gap = max(0.0, seconds - 2 * CALM_S) / count
    return tuple(
        Injection(round(CALM_S + gap * (i + dice.random() / 2), 3), fault, dice.getrandbits(32))
        for i, fault in enumerate(order[:count])
    )


def _injections_in(seconds: float) -> int:
    return max(1, int((seconds - 2 * CALM_S) / FAULT_S))


def _dice(seed: int, what: str) -> random.Random:
    return random.Random(f"{seed} {what}")  # noqa: S311  # seeded on purpose; nothing secret is drawn from it
