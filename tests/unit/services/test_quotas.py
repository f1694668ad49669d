"""What stays in the database has a quota: per user, per address and in all, on every node, however it is made."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import RoomChanged
from madang.core.messages import Content
from madang.errors import Limited, Refused
from madang.services import buckets
from madang.services import quotas as module
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.quotas import DAY_S, HOUR_S, NO_QUOTAS, WHAT, Quota, QuotaRates, Quotas
from madang.services.rooms import SYSTEM
from madang.services.shared_limits import SharedLimits
from madang.services.standing import Standing
from madang.testing import VirtualLoop
from madang.testing.rules import new
from madang.transports.node import Node
from tests.unit.services.assembled import assembled
from tests.unit.services.refusals import refusal

NOW = 1000.0
MINA = Actor(id="u-mina", name="Mina", address="10.0.0.1")
BORA = Actor(id="u-bora", name="Bora", address="10.0.0.1")
CHAN = Actor(id="u-chan", name="Chan", address="10.0.0.2")
KEY = Actor(id="key-1", name="Shop", server=True)
FEW = QuotaRates(
    rooms=Quota(user=2, address=3, all=4), joins=Quota(user=2, address=3, all=4), invites=Quota(user=2, address=3, all=4),
    reactions=Quota(user=2, address=3, all=4), guests=Quota(address=3, all=4), returns=Quota(user=2, address=3),
    kilobytes=Quota(user=2, address=3, all=4), accounts=Quota(user=2, address=3, all=4), sessions=Quota(user=2, address=3, all=4),
    profiles=Quota(user=2, address=3, all=4),
)  # fmt: skip
BY_THE_DAY = [kind for kind in WHAT if kind not in ("guests", "returns")]


def passed(quotas: Quotas, kind: str, actor: Actor, now: float = NOW, tries: int = 10) -> int:
    return sum(refusal(lambda: quotas.take(kind, actor, now)) is None for _ in range(tries))


@pytest.mark.parametrize("kind", BY_THE_DAY)
def test_each_kind_is_held_by_user_by_address_and_in_all(kind: str) -> None:
    quotas = Quotas(FEW)
    assert passed(quotas, kind, MINA) == 2
    assert passed(quotas, kind, BORA) == 1, "the third of their address"
    assert passed(quotas, kind, CHAN) == 1, "the fourth in all"
    assert passed(quotas, kind, KEY) == 10, "a server key speaks for many"
    others = [other for other in BY_THE_DAY if other != kind]
    assert all(passed(quotas, other, MINA) == 2 for other in others), "kinds do not count for each other"
    assert quotas.refused[kind] == 8 + 9 + 9


def test_new_guests_are_held_by_address_and_in_all() -> None:
    quotas = Quotas(FEW)

    def comes(address: str) -> bool:
        return refusal(lambda: quotas.take_guest(address, NOW)) is None

    came = [address for address in ("a", "a", "a", "a", "b", "b") if comes(address)]
    assert came == ["a", "a", "a", "b"]


@pytest.mark.parametrize("kind", BY_THE_DAY)
def test_waiting_as_told_succeeds_and_a_day_brings_a_days_worth(kind: str) -> None:
    quotas = Quotas(msgspec.structs.replace(NO_QUOTAS, **{kind: Quota(user=10)}))
    assert passed(quotas, kind, MINA, tries=20) == 10
    refused = refusal(lambda: quotas.take(kind, MINA, NOW))
    assert refused is not None
    assert refused.code == "quota"
    assert refused.retry_ms == pytest.approx(DAY_S * 100, rel=0.01)
    assert "Wait 3 h" in refused.message
    quotas.take(kind, MINA, NOW + refused.retry_ms / 1000)
    assert passed(quotas, kind, MINA, NOW + DAY_S, tries=20) == 9


def test_what_one_quota_refuses_costs_nothing_with_the_others() -> None:
    quotas = Quotas(QuotaRates(rooms=Quota(user=1, address=3)))
    assert passed(quotas, "rooms", MINA) == 1
    assert passed(quotas, "rooms", BORA, tries=1) == 1
    assert passed(quotas, "rooms", Actor(id="u-dana", name="Dana", address="10.0.0.1")) == 1


def joined(quotas: Quotas, actor: Actor, room: str, now: float = NOW, tries: int = 10) -> int:
    return sum(refusal(lambda: quotas.take_join(actor, room, now)) is None for _ in range(tries))


def test_one_room_is_joined_a_few_times_an_hour() -> None:
    quotas = Quotas(QuotaRates(returns=Quota(user=6)))
    assert joined(quotas, MINA, "yard", tries=20) == 6
    assert joined(quotas, MINA, "hall", tries=20) == 6, "each room has its own hour"
    assert joined(quotas, BORA, "yard", tries=20) == 6
    in_a_day = sum(joined(quotas, CHAN, "yard", NOW + minute * 60, tries=5) for minute in range(24 * 60))
    assert in_a_day == pytest.approx(6 * 24 + 6, abs=1)


def test_many_of_one_address_come_in_together_and_do_not_go_in_and_out_together() -> None:
    quotas = Quotas(QuotaRates(joins=Quota(user=300, address=10_000), returns=Quota(user=6, address=20)))
    class_ = [Actor(id=f"u-{n}", name=f"U {n}", address="10.0.0.1") for n in range(500)]
    assert sum(joined(quotas, each, "yard", tries=1) for each in class_) == 500
    assert sum(joined(quotas, each, "yard", NOW + 1, tries=1) for each in class_) == 20
    assert joined(quotas, CHAN, "yard", NOW + 1, tries=2) == 2, "another address is not concerned"


def test_a_refused_return_costs_nothing_of_the_day() -> None:
    quotas = Quotas(QuotaRates(joins=Quota(user=3), returns=Quota(user=1)))
    assert joined(quotas, MINA, "yard") == 1
    assert [joined(quotas, MINA, room, tries=1) for room in ("a", "b", "c")] == [1, 1, 0]


def test_without_quotas_nothing_is_held_and_nothing_kept() -> None:
    quotas = Limits(UNLIMITED).quotas
    assert all(passed(quotas, kind, MINA) == 10 for kind in BY_THE_DAY)
    assert joined(quotas, MINA, "yard") == 10
    assert not quotas.kinds


def test_a_class_of_five_hundred_behind_one_address_works_by_the_defaults() -> None:
    """Each opens two devices, makes a room, joins ten, reacts fifty times, goes out and comes back once."""
    quotas = Quotas(QuotaRates())
    for n in range(500):
        one = Actor(id=f"u-{n}", name=f"U {n}", address="10.0.0.1")
        for _ in range(2):
            quotas.take_guest(one.address, NOW)
        quotas.take("rooms", one, NOW)
        for room in range(10):
            quotas.take_join(one, f"r-{room}", NOW)
        quotas.take_join(one, "r-0", NOW + 60)
        for _ in range(50):
            quotas.take("reactions", one, NOW)
        for _ in range(2_000):
            quotas.take_bytes(one, 1_500, NOW)


def allowed(quotas: Quotas, actor: Actor, size: int, most: int) -> int:
    return sum(refusal(lambda: quotas.take_bytes(actor, size, NOW)) is None for _ in range(most))


def test_what_is_written_is_held_by_user_and_by_address() -> None:
    """By kilobytes begun, in whatever pieces; what was refused is not counted."""
    rates = msgspec.structs.replace(NO_QUOTAS, kilobytes=Quota(user=6400, address=9600))
    for size, each in ((0, 1), (1023, 1), (1024, 2), (16_000, 16), (70_000, 69)):
        quotas = Quotas(rates)
        assert allowed(quotas, MINA, size, 8000) * each == pytest.approx(6400, abs=2 * 69)
        assert allowed(quotas, MINA, size, 10) == 0
        assert allowed(quotas, BORA, size, 8000) * each == pytest.approx(3200, abs=2 * 69), "of the same address"
        assert allowed(quotas, CHAN, size, 10) == 10
        assert allowed(quotas, KEY, size, 10_000) == 10_000
        assert quotas.refused["kilobytes"] > 0
    assert allowed(Quotas(NO_QUOTAS), MINA, 16_000, 10_000) == 10_000


def test_what_is_not_charged_yet_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    quotas = Quotas(QuotaRates())
    for n in range(1000):
        quotas.take_bytes(Actor(id=f"u-{n}", name="N"), 100, NOW)
    assert len(quotas.owed) <= 100


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "PRUNE", 100)
    monkeypatch.setattr(buckets, "MOST", 200)
    quotas = Quotas(QuotaRates(joins=Quota(user=2), returns=Quota(user=2)))
    for n in range(5000):
        quotas.take_join(Actor(id=f"u-{n}", name="N"), "yard", NOW)
    assert all(len(held) <= 200 for held, _ in quotas.kinds.values())


def test_three_nodes_share_a_quota() -> None:
    async def story() -> None:
        broker, clock = MemoryBroker(), asyncio.get_running_loop().time
        nodes = []
        for n in range(3):
            bus = MemoryBus(broker)
            limits = Limits(Rates(quotas=QuotaRates(rooms=Quota(user=20, address=30, all=40))), shared=True)
            shared = SharedLimits(f"node-{n}", limits, bus, clock)

            class Receiver:
                signal = staticmethod(shared.receive)

                def __getattr__(self, name: str) -> Callable[..., None]:
                    return lambda *_: None

            await bus.start(Receiver())
            nodes.append((bus, limits, asyncio.ensure_future(shared.run())))
        made = 0
        for _ in range(50):
            made += sum(passed(limits.quotas, "rooms", MINA, clock(), tries=1) for _, limits, _ in nodes)
            await asyncio.sleep(0.5)
        assert 20 <= made <= 22
        assert sum(passed(limits.quotas, "rooms", BORA, clock(), tries=20) for _, limits, _ in nodes[:1]) in range(
            8, 11
        )
        for bus, _, task in nodes:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await bus.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())


# -- through the services ----------------------------------------------------------------------------------------------


async def served(node: Node, work: Callable[[], Awaitable[Any]]) -> Any:
    running = asyncio.ensure_future(node.appender.run())
    try:
        return await work()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def refused(call: Awaitable[Any]) -> str:
    try:
        await call
    except Refused as error:
        return error.code
    return "ok"


def by_quotas(quotas: QuotaRates) -> Rates:
    return Rates(
        **{name: getattr(UNLIMITED, name) for name in Rates.__struct_fields__ if name != "quotas"}, quotas=quotas
    )


async def test_every_way_to_make_rows_asks_its_quota(store: Store) -> None:
    node = assembled(store, by_quotas(FEW))

    async def work() -> None:
        codes = [await refused(node.rooms.create(MINA, f"r-{n}", "", "open")) for n in range(3)]
        assert codes == ["ok", "ok", "quota"]
        assert await refused(node.rooms.direct(MINA, BORA.id)) == "quota"
        await node.rooms.create(SYSTEM, "hall", "", "open")
        codes = [await refused(node.rooms.enter(MINA, room)) for room in ("yard", "hall", "r-0", "lobby")]
        assert codes == ["ok", "ok", "ok", "not_found"], "where one is a member already, nothing is made"
        await node.rooms.leave(MINA, "hall")
        assert await refused(node.rooms.enter(MINA, "hall")) == "quota"

    await served(node, work)
    for on in (True, False):
        node.posting.react(MINA, Standing("member", 0), "yard", 1, "👍", on)
    with pytest.raises(Limited, match="reactions"):
        node.posting.react(MINA, Standing("member", 0), "yard", 1, "👍", True)
    for _ in range(3):
        node.identity.guest("Mina", "10.0.0.1", 0.0)
    with pytest.raises(Limited, match="new guests"):
        node.identity.guest("Mina", "10.0.0.1", 0.0)


async def test_every_way_to_write_asks_for_kilobytes(store: Store) -> None:
    node = assembled(store, by_quotas(msgspec.structs.replace(NO_QUOTAS, kilobytes=Quota(user=2))))
    member, owner, said = Standing("member", 0), Standing("owner", 0), Content(text="hello")
    ways: dict[str, Callable[[Actor], Any]] = {
        "send": lambda who: node.posting.send(who, member, "yard", new("c"), said),
        "edit": lambda who: node.posting.edit(who, member, "yard", 1, None, said),
        "pin": lambda who: node.posting.pin(who, owner, "yard", 1, True),
        "unpin": lambda who: node.posting.pin(who, owner, "yard", 1, False),
    }
    for n, (name, way) in enumerate(ways.items()):
        writer = Actor(id=f"u-{name}", name="W", address=f"10.0.1.{n}")
        for _ in range(2):
            way(writer)
        with pytest.raises(Limited, match="kilobytes"):
            way(writer)
        assert node.posting.delete(writer, "yard", 1), "what is taken away is never refused"
        if name == "send":
            again = node.posting.send(writer, member, "yard", "c", said, perhaps_again=True)
            assert again.early is not None and again.early[0] == "quota", "the log says whether it is there already"

    async def change() -> None:
        dan = Actor(id="u-dan", name="Dan", address="10.0.2.1")
        await node.rooms.create(dan, "dans", "", "open")
        await node.rooms.enter(CHAN, "dans")
        assert [await refused(node.rooms.change(dan, "dans", RoomChanged(title=f"T{n}"))) for n in range(2)] == [
            "ok",
            "ok",
        ]
        assert await refused(node.rooms.change(dan, "dans", RoomChanged(title="T"))) == "quota"
        assert await refused(node.rooms.grant(dan, "dans", CHAN.id, "moderator")) == "quota"
        assert await refused(node.rooms.kick(dan, "dans", CHAN.id)) == "ok", "a room can be put in order, and be left"
        assert await refused(node.rooms.leave(dan, "dans")) == "ok"

    await served(node, change)


async def test_what_is_refused_for_another_reason_costs_nothing_of_the_day(store: Store) -> None:
    node = assembled(store, by_quotas(FEW))

    async def work() -> None:
        codes = [await refused(node.rooms.create(MINA, "yard", "", "open")) for _ in range(5)]
        assert codes == ["room_exists"] * 5
        codes = [await refused(node.rooms.enter(MINA, "nowhere")) for _ in range(5)]
        assert codes == ["not_found"] * 5
        assert await refused(node.rooms.create(MINA, "mine", "", "open")) == "ok"
        assert await refused(node.rooms.enter(MINA, "yard")) == "ok"

    await served(node, work)


async def test_going_in_and_out_leaves_a_room_in_reach_of_a_resume(store: Store) -> None:
    node = assembled(store, by_quotas(QuotaRates()))
    assert HOUR_S == 3600

    async def work() -> None:
        before = (await store.heads(["yard"]))["yard"]
        for _ in range(30):
            if await refused(node.rooms.enter(MINA, "yard")) == "ok":
                assert await refused(node.rooms.leave(MINA, "yard")) == "ok", "leaving is never refused"
        assert (await store.heads(["yard"]))["yard"] - before <= 2 * 6

    await served(node, work)


# -- who may -----------------------------------------------------------------------------------------------------------


async def test_guests_can_be_closed_but_for_servers(store: Store) -> None:
    node = assembled(store, guests="keys")
    with pytest.raises(Refused) as error:
        node.identity.guest("Mina", "10.0.0.1", 0.0)
    assert error.value.code == "no_guests"
    now = time.time()
    access = node.identity.guest("Mina", "10.0.0.1", now, KEY)
    assert node.identity.verify(access.token, now).user.id == access.user.id, "who has a token stays"
    with pytest.raises(Refused, match="no guests"):
        node.identity.guest("Mina", "10.0.0.1", now, access.user)


async def test_guests_can_be_closed_for_servers_too(store: Store) -> None:
    node = assembled(store, guests="off")
    for by in (None, KEY):
        with pytest.raises(Refused, match="no guests"):
            node.identity.guest("Mina", "10.0.0.1", time.time(), by)


async def test_making_rooms_can_be_kept_for_users_who_signed_in(store: Store) -> None:
    node = assembled(store, create_rooms="accounts")
    guest = Actor(id="uqk3v7m5h2x5d4ynp", name="Mina")

    async def work() -> None:
        assert await refused(node.rooms.create(guest, "mine", "", "open")) == "forbidden"
        assert await refused(node.rooms.direct(guest, BORA.id)) == "forbidden"
        assert await refused(node.rooms.direct(KEY, guest.id)) == "ok"
        assert await refused(node.rooms.direct(guest, KEY.id)) == "ok", "there is one"
        for n, other in enumerate((Actor(id="issuer-shop:42", name="Mina"), KEY, SYSTEM)):
            assert await refused(node.rooms.create(other, f"theirs-{n}", "", "open")) == "ok"

    await served(node, work)


async def test_making_rooms_can_be_kept_for_servers(store: Store) -> None:
    node = assembled(store, create_rooms="keys")

    async def work() -> None:
        assert await refused(node.rooms.create(MINA, "mine", "", "open")) == "forbidden"
        assert await refused(node.rooms.create(KEY, "theirs", "", "open")) == "ok"
        assert await refused(node.rooms.create(SYSTEM, "ours", "", "open")) == "ok"

    await served(node, work)


# -- for good ----------------------------------------------------------------------------------------------------------


async def test_what_a_user_has_is_counted_in_the_database_whoever_asks_at_once(store: Store) -> None:
    quotas = msgspec.structs.replace(NO_QUOTAS, memberships=4, owned=2)

    async def many(node: Node) -> list[str]:
        makes = [refused(node.rooms.create(MINA, f"r-{n}", "", "open")) for n in range(6)]
        return sorted(await asyncio.gather(*makes))

    node = assembled(store, by_quotas(quotas))
    assert await served(node, lambda: many(node)) == ["ok", "ok", "too_many", "too_many", "too_many", "too_many"]
    again = assembled(store, by_quotas(quotas))  # after a restart

    async def work() -> None:
        assert "ok" not in await many(again)
        for n in range(5):
            await again.rooms.create(SYSTEM, f"s-{n}", "", "open")
        joins = [refused(again.rooms.enter(MINA, f"s-{n}")) for n in range(5)]
        assert sorted(await asyncio.gather(*joins)) == ["ok", "ok", "too_many", "too_many", "too_many"]
        mine = (await store.memberships(MINA.id))[0].room
        assert await refused(again.rooms.delete(MINA, mine)) == "ok"
        assert await refused(again.rooms.create(MINA, "another", "", "open")) == "ok", "what is deleted makes place"
        assert await refused(again.rooms.enter(KEY, "s-0")) == "ok"

    await served(again, work)
