"""What was charged for something that is refused afterwards is given back: whatever was asked for, whatever refused it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Draft, RoomChanged
from madang.core.messages import Content
from madang.core.rate import Bucket, Rate
from madang.core.signing import lone_keyring
from madang.errors import Limited, MadangError, StorageFailed, StorageFull
from madang.ports.log import Outcome
from madang.services import appender as appending
from madang.services.charges import Charges
from madang.services.identity import Identity
from madang.services.invites import Invites
from madang.services.limits import Limits, Rates
from madang.services.posting import Posting
from madang.services.quotas import Quota, QuotaRates
from madang.services.rooms import Rooms
from madang.services.standing import Standing
from madang.services.tokens import Tokens
from madang.transports.sessions import Sessions
from tests.unit.delivery.nodes import OWNER
from tests.unit.services.assembled import assembled
from tests.unit.services.wrapped import Wrapped
from tests.waiting import eventually

NOW = 1000.0
ALL = Quota(user=2, address=2, all=2)
RATES = Rates(
    user=Rate(0.001, 3), room=Rate(0.001, 3), address=Rate(0.001, 3),
    quotas=QuotaRates(rooms=ALL, joins=ALL, invites=ALL, reactions=ALL, guests=ALL, returns=ALL),
)  # fmt: skip
FEW_BYTES = msgspec.structs.replace(RATES, quotas=msgspec.structs.replace(RATES.quotas, kilobytes=ALL))
GUEST = Actor(id="g-mina", name="Mina", address="10.0.0.1")
MODERATOR = Standing("moderator", 0)
SLOW = Standing("member", 60_000)
YARD = "yard"
MINES = "mines"


class Failing(Wrapped):
    """Fails to append and to add invites, when it is told by what."""

    error: MadangError | None = None

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        if self.error is not None:
            raise self.error
        outcomes: list[Outcome] = await self.inner.append(drafts)
        return outcomes

    async def add_invite(self, *args: Any, **options: Any) -> None:
        if self.error is not None:
            raise self.error
        await self.inner.add_invite(*args, **options)


class Scene:
    """Services on a store that fails when it is told to, with limits that say what was spent."""

    def __init__(self, store: Store, rates: Rates = RATES) -> None:
        self.store = Failing(store)
        self.limits = Limits(rates, shared=True)
        charges = Charges(self.limits, lambda: NOW)
        self.appender = appending.Appender(self.store, lambda events: None, unstored=charges.unstored)
        self.rooms = Rooms(self.store, self.appender, charges, QuotaRates(memberships=0, owned=0))
        node = assembled(store)
        self.posting = Posting(charges, self.rooms, node.hub, 4000, node.word_lists, node.reports)
        self.invites = Invites(self.store, self.rooms)
        self.identity = Identity(Tokens(lone_keyring(b"x" * 32)), self.store, self.limits, lambda: NOW, Sessions())

    def spent(self) -> dict[str, int]:
        """Return what was spent and not given back since the last call, by limit."""
        return {spent.kind: spent.n for spent in self.limits.spent(0.0, 1000) if spent.n}

    async def post(self, draft: Callable[[Posting], Draft]) -> None:
        await self.appender.append(draft(self.posting))


Way = Callable[[Scene], Awaitable[object]]
POSTS: dict[str, Way] = {
    "send": lambda s: s.post(lambda p: p.send(GUEST, SLOW, YARD, "c-1", Content(text="hello"))),
    "edit": lambda s: s.post(lambda p: p.edit(GUEST, SLOW, YARD, 1, None, Content(text="hello"))),
    "delete": lambda s: s.post(lambda p: p.delete(GUEST, YARD, 1)),
    "react": lambda s: s.post(lambda p: p.react(GUEST, SLOW, YARD, 1, "hello", True)),
    "unreact": lambda s: s.post(lambda p: p.react(GUEST, SLOW, YARD, 1, "hello", False)),
    "pin": lambda s: s.post(lambda p: p.pin(GUEST, MODERATOR, YARD, 1, True)),
}
CHANGES: dict[str, Way] = {
    "create": lambda s: s.rooms.create(GUEST, "new", "", "open"),
    "join": lambda s: s.rooms.enter(GUEST, YARD),
    "leave": lambda s: s.rooms.leave(GUEST, MINES),
    "change": lambda s: s.rooms.change(GUEST, MINES, RoomChanged(title="Title")),
    "kick": lambda s: s.rooms.kick(GUEST, MINES, "u-vic"),
    "role": lambda s: s.rooms.grant(GUEST, MINES, "u-vic", "moderator"),
    "delete room": lambda s: s.rooms.delete(GUEST, MINES),
}
INVITE: dict[str, Way] = {"invite": lambda s: s.invites.make(GUEST, MINES, NOW)}


@pytest.fixture
async def scene(store: Store) -> Scene:
    """A scene in which GUEST owns the room "mines", where Vic is, and the appender is to be run by the test."""
    scene = Scene(store)
    before = assembled(store)
    running = asyncio.ensure_future(before.appender.run())
    await before.rooms.create(GUEST, MINES, "", "open")
    await before.rooms.enter(Actor(id="u-vic", name="Vic"), MINES)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return scene


async def refused(scene: Scene, way: Way, code: str) -> None:
    running = asyncio.ensure_future(scene.appender.run())
    try:
        with pytest.raises(MadangError) as error:
            await way(scene)
        assert error.value.code == code
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("reason", ["overloaded", "draining"])
async def test_a_full_or_closed_line_costs_nothing(reason: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason == "draining":
        await scene.appender.drain()
    else:
        monkeypatch.setattr(appending, "WAITING_BYTES", 0)
    for name, way in (POSTS | CHANGES).items():
        await refused(scene, way, reason)
        assert scene.spent() == {}, name


@pytest.mark.parametrize("error", [StorageFull(), StorageFailed()])
async def test_a_storage_that_fails_costs_nothing(error: MadangError, scene: Scene) -> None:
    scene.store.error = error
    for name, way in (POSTS | CHANGES | INVITE).items():
        await refused(scene, way, error.code)
        assert scene.spent() == {}, name


QUOTAS = {
    "send": "kilobytes", "edit": "kilobytes", "react": "reactions", "unreact": "reactions", "pin": "kilobytes",
    "create": "rooms", "join": "joins", "change": "kilobytes", "role": "kilobytes", "invite": "invites",
}  # fmt: skip


async def test_a_quota_that_is_used_up_costs_nothing_else(scene: Scene) -> None:
    scene = Scene(scene.store.inner, FEW_BYTES)
    for kind in set(QUOTAS.values()):
        for _ in range(2):
            scene.limits.quotas.take(kind, GUEST, NOW)
    scene.spent()
    for name in QUOTAS:
        await refused(scene, (POSTS | CHANGES | INVITE)[name], "quota")
        assert scene.spent() == {}, name


async def test_an_attempt_that_is_cancelled_stays_charged(scene: Scene) -> None:
    """Its draft is in line, and is stored all the same."""
    joining = asyncio.ensure_future(scene.rooms.enter(GUEST, YARD))
    await eventually(lambda: scene.appender.waiting == 1)
    joining.cancel()
    await asyncio.gather(joining, return_exceptions=True)
    spent = scene.spent()
    assert (spent["user"], spent["room"], spent["joins/user"]) == (1, 1, 1)


async def test_a_return_that_is_refused_costs_nothing_of_the_day(scene: Scene) -> None:
    for _ in range(2):
        scene.limits.quotas.give_back(scene.limits.quotas.take_join(GUEST, YARD, NOW)[:3], NOW)
    scene.spent()
    await refused(scene, CHANGES["join"], "quota")
    assert scene.spent() == {}


async def test_a_room_whose_rate_is_spent_costs_its_user_nothing(scene: Scene) -> None:
    for room in (YARD, MINES):
        for _ in range(3):
            scene.limits.appends.in_room(room, NOW)
    scene.spent()
    for name, way in (POSTS | CHANGES | INVITE).items():
        if name != "create":
            await refused(scene, way, "rate_limited")
            assert scene.spent() == {}, name


async def test_what_the_log_refuses_costs_the_look_and_neither_slow_mode_nor_a_quota(store: Store) -> None:
    """GUEST is not a member of the yard."""
    for name, way in POSTS.items():
        scene = Scene(store)
        await refused(scene, way, "not_member")
        assert scene.spent() == {"user": 1, "room": 1}, name


async def test_what_changes_nothing_costs_the_look_and_no_quota(scene: Scene, store: Store) -> None:
    running = asyncio.ensure_future(scene.appender.run())
    try:
        await scene.post(lambda p: p.send(OWNER, MODERATOR, YARD, "c-1", Content(text="hello")))
        scene.spent()
        await scene.post(lambda p: p.react(OWNER, MODERATOR, YARD, 2, "👍", False))
        assert scene.spent() == {"user": 1, "room": 1}
        await scene.post(lambda p: p.send(OWNER, MODERATOR, YARD, "c-1", Content(text="hello")))
        assert scene.spent() == {}, "it is in the log already"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_join_that_a_kick_forbids_costs_the_address_nothing(scene: Scene) -> None:
    """Trying is not a return: otherwise one who was kicked would keep all others of their address out."""
    running = asyncio.ensure_future(scene.appender.run())
    vic = Actor(id="u-vic", name="Vic", address="10.0.0.1")
    try:
        await scene.rooms.kick(GUEST, MINES, "u-vic")
        scene.spent()
        scene.limits.quotas.take_join(vic, MINES, NOW)  # the join of before
        scene.spent()
        with pytest.raises(Limited) as error:
            await scene.rooms.enter(vic, MINES)
        assert error.value.code == "kicked"
        assert scene.spent() == {"user": 1}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_guests_that_a_quota_refuses_cost_their_address_nothing(scene: Scene) -> None:
    for _ in range(2):
        scene.limits.quotas.take_guest("10.0.0.1", NOW)
    scene.spent()
    with pytest.raises(Limited) as error:
        scene.identity.guest("Mina", "10.0.0.1", NOW)
    assert error.value.code == "quota"
    assert scene.spent() == {}


@pytest.mark.parametrize("error", [Limited("overloaded", 500), StorageFailed()])
@pytest.mark.parametrize("of_connection", [True, False])
async def test_a_page_that_is_not_read_costs_nothing(error: MadangError, of_connection: bool) -> None:
    limits = Limits(Rates(connection=Rate(0.001, 20)))
    charges, bucket = Charges(limits, lambda: NOW), Bucket() if of_connection else None
    for _ in range(20):
        with pytest.raises(MadangError), charges.page(GUEST, 200, bucket):
            raise error
    for _ in range(2):
        with charges.page(GUEST, 200, bucket):
            pass
    with pytest.raises(Limited), charges.page(GUEST, 200, bucket):
        pass


async def test_what_the_log_refuses_is_not_counted_as_written(store: Store) -> None:
    scene = Scene(store, msgspec.structs.replace(FEW_BYTES, user=Rate(0, 0), room=Rate(0, 0)))
    for _ in range(10):
        await refused(scene, POSTS["pin"], "not_member")
    for _ in range(2):
        scene.posting.pin(GUEST, MODERATOR, YARD, 1, True)
    with pytest.raises(Limited):
        scene.posting.pin(GUEST, MODERATOR, YARD, 1, True)


async def test_a_draft_that_came_too_early_has_nothing_to_be_given_back(scene: Scene) -> None:
    again = None
    for _ in range(2):
        again = scene.posting.send(GUEST, SLOW, YARD, "c-1", Content(text="hello"), perhaps_again=True)
    assert again is not None and again.early is not None
    spent = scene.spent()
    assert spent == {"user": 1, "room": 1, "slow": 60_000}
    await refused(scene, lambda s: s.appender.append(again), "slow_mode")
    assert scene.spent() == {}
    assert scene.posting.send(GUEST, SLOW, YARD, "c-2", Content(text="hello"), perhaps_again=True).early is not None


async def test_what_is_given_back_at_once_is_not_told_to_other_nodes() -> None:
    limits = Limits(RATES, shared=True)
    limits.appends.append("u", YARD, NOW, 60_000, address="10.0.0.1")
    limits.appends.give_back(NOW, user="u", room=YARD)
    limits.appends.give_back_slow("u", YARD, NOW, 60_000, "10.0.0.1")
    assert [spent for spent in limits.spent(0.0, 10) if spent.n] == []
