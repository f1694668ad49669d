"""Invites are made, listed and revoked by moderators, and end with what let them be made."""

from madang.adapters.sql import Store
from madang.core.events import RoomChanged
from madang.core.invites import INVITE_MS
from madang.core.rate import Bucket, Rate
from madang.ports.bus import EVERYWHERE, Signal
from madang.services.limits import Rates
from madang.services.quotas import Quota, QuotaRates
from madang.services.users import ENDED
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.test_rooms import HIDDEN, SHOP, YARD, code
from tests.unit.transports.nodes import running_node

MINA, BORA = user("mina"), user("bora")


async def test_an_invite_is_listed_without_its_secret_until_it_is_revoked(node: Node, store: Store) -> None:
    made, text = await node.invites.make(OWNER, HIDDEN, node.now(), uses=2, for_ms=60_000)
    secret = text.split("_", 2)[2]
    assert len(secret) >= 32
    assert secret not in str(await store.invite(HIDDEN, made.id))
    (listed,) = await node.invites.in_force(SHOP, HIDDEN, node.now())
    assert (listed.id, listed.by, listed.uses) == (made.id, OWNER.id, 2)
    assert await node.invites.in_force(OWNER, HIDDEN, node.now() + 61) == []
    await node.rooms.enter(MINA, HIDDEN, text)
    assert [each.uses for each in await node.invites.in_force(OWNER, HIDDEN, node.now())] == [1]
    await node.invites.revoke(OWNER, HIDDEN, made.id, node.now())
    assert await code(node.rooms.enter(BORA, HIDDEN, text)) == "not_found"
    assert await code(node.invites.revoke(OWNER, HIDDEN, made.id, node.now())) == "not_found"


async def test_an_invite_is_in_force_for_seven_days(node: Node) -> None:
    now = node.now()
    made, text = await node.invites.make(OWNER, HIDDEN, now - INVITE_MS / 1000 + 60)
    assert made.until_ms - int(now * 1000) in range(59_000, 61_000)
    await node.rooms.enter(MINA, HIDDEN, text)
    _, over = await node.invites.make(OWNER, HIDDEN, now - INVITE_MS / 1000 - 1)
    assert await code(node.rooms.enter(BORA, HIDDEN, over)) == "not_found"


async def test_moderators_alone_have_to_do_with_invites(node: Node) -> None:
    made, text = await node.invites.make(OWNER, HIDDEN, node.now())
    await node.rooms.enter(MINA, HIDDEN, text)
    for who, answer in ((MINA, "forbidden"), (BORA, "not_found")):
        assert await code(node.invites.make(who, HIDDEN, node.now())) == answer
        assert await code(node.invites.in_force(who, HIDDEN, node.now())) == answer
        assert await code(node.invites.revoke(who, HIDDEN, made.id, node.now())) == answer
    await node.rooms.grant(OWNER, HIDDEN, MINA.id, "moderator")
    await node.invites.make(MINA, HIDDEN, node.now())
    assert len(await node.invites.in_force(MINA, HIDDEN, node.now())) == 2
    await node.rooms.grant(OWNER, HIDDEN, MINA.id, "member")
    assert len(await node.invites.in_force(OWNER, HIDDEN, node.now())) == 1


async def test_who_was_deleted_makes_and_revokes_none(node: Node) -> None:
    """This node hears of it before the memberships have ended."""
    made, text = await node.invites.make(OWNER, HIDDEN, node.now())
    await node.rooms.enter(MINA, HIDDEN, text)
    await node.rooms.grant(OWNER, HIDDEN, MINA.id, "moderator")
    node.users.receive(Signal(EVERYWHERE, ENDED, MINA.id, b""))
    assert await code(node.invites.make(MINA, HIDDEN, node.now())) == "bad_token"
    assert await code(node.invites.revoke(MINA, HIDDEN, made.id, node.now())) == "bad_token"
    assert [each.id for each in await node.invites.in_force(OWNER, HIDDEN, node.now())] == [made.id]


async def test_invites_are_paid_for(store: Store) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 3), connection=Rate(0.001, 5))) as node:
        await node.invites.make(OWNER, YARD, node.now())
        made, _ = await node.invites.make(OWNER, YARD, node.now())
        await node.invites.revoke(OWNER, YARD, made.id, node.now())
        assert await code(node.invites.make(OWNER, YARD, node.now())) == "rate_limited"
        assert await code(node.invites.revoke(OWNER, YARD, made.id, node.now())) == "rate_limited"
        for bucket in (Bucket(), None):
            assert len(await node.invites.in_force(OWNER, YARD, node.now(), bucket=bucket)) == 1
            assert await code(node.invites.in_force(OWNER, YARD, node.now(), bucket=bucket)) == "rate_limited"


async def test_invites_have_a_quota_by_the_day(store: Store) -> None:
    async with running_node(store, rates=Rates(quotas=QuotaRates(invites=Quota(user=2)))) as node:
        for _ in range(2):
            await node.invites.make(OWNER, YARD, node.now())
        assert await code(node.invites.make(OWNER, YARD, node.now())) == "quota"
        assert await code(node.invites.make(MINA, YARD, node.now())) == "not_found"


async def test_a_kicked_moderator_has_no_way_back_and_lets_nobody_in(node: Node) -> None:
    _, early = await node.invites.make(OWNER, HIDDEN, node.now())
    await node.rooms.enter(MINA, HIDDEN, early)
    await node.rooms.grant(OWNER, HIDDEN, MINA.id, "moderator")
    _, own = await node.invites.make(MINA, HIDDEN, node.now())
    await node.rooms.kick(OWNER, HIDDEN, MINA.id)
    for text in (None, early, own):
        assert await code(node.rooms.enter(MINA, HIDDEN, text)) == "not_found"
    assert await code(node.rooms.enter(BORA, HIDDEN, own)) == "not_found"
    _, late = await node.invites.make(OWNER, HIDDEN, node.now())
    assert (await node.rooms.enter(MINA, HIDDEN, late)).role == "member"


async def test_a_room_does_not_pay_for_the_tries_of_who_was_kicked(store: Store) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 20), room=Rate(0.001, 10))) as node:
        await node.rooms.enter(MINA, YARD)
        await node.rooms.kick(OWNER, YARD, MINA.id)
        for _ in range(19):
            assert await code(node.rooms.enter(MINA, YARD)) == "kicked"
        for n in range(8):
            assert await node.rooms.change(OWNER, YARD, RoomChanged(title=f"Title {n}")) is not None
