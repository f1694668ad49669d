"""Posting judges role, rates and slow mode, in that order behind the content, and pays for what it drafts."""

from collections.abc import Callable

import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Draft, RoomChanged
from madang.core.messages import Content
from madang.core.rate import Rate
from madang.errors import Refused
from madang.services.limits import Rates
from madang.services.posting import Posting
from madang.services.standing import Standing
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.assembled import assembled
from tests.unit.transports.nodes import running_node

YARD = "yard"
MINA = user("mina")
SHOP = Actor(id="key-1", name="Shop", server=True)
MEMBER = Standing("member", 0)
FEW = Rates(user=Rate(0.001, 3), room=Rate(0.001, 100))


def send(posting: Posting, actor: Actor = MINA, role: str = "member", slow_ms: int = 0, text: str = "hello") -> Draft:
    return posting.send(actor, Standing(role, slow_ms), YARD, "c-1", Content(text=text))


def code(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value.code


async def test_every_draft_is_paid_for(store: Store) -> None:
    for draft in (
        lambda posting: send(posting),
        lambda posting: posting.edit(MINA, MEMBER, YARD, 2, None, Content(text="hello")),
        lambda posting: posting.delete(MINA, YARD, 2),
        lambda posting: posting.react(MINA, MEMBER, YARD, 2, "👍", True),
        lambda posting: posting.pin(MINA, Standing("moderator", 0), YARD, 2, True),
    ):
        posting = assembled(store, FEW).posting
        for _ in range(3):
            assert (draft(posting).user, draft(assembled(store).posting).room) == (MINA.id, YARD)
        assert code(lambda: draft(posting)) == "rate_limited"  # noqa: B023  # called at once


async def test_bad_content_and_a_low_role_cost_nothing(store: Store) -> None:
    posting = assembled(store, FEW).posting
    for _ in range(10):
        assert code(lambda: send(posting, text="")) == "empty"
        assert code(lambda: posting.edit(MINA, MEMBER, YARD, 2, None, Content(text=""))) == "empty"
        assert code(lambda: posting.react(MINA, MEMBER, YARD, 2, "a b", True)) == "bad_field"
        assert code(lambda: posting.pin(MINA, Standing("member", 0), YARD, 2, True)) == "forbidden"
    assert send(posting).type == "message.sent"


async def test_slow_mode_holds_whatever_has_words(store: Store) -> None:
    slow = Standing("member", 60_000)
    said: dict[str, Callable[[Posting, Actor], Draft]] = {
        "a message": lambda posting, actor: posting.send(actor, slow, YARD, "c-1", Content(text="hello")),
        "an edit": lambda posting, actor: posting.edit(actor, slow, YARD, 2, None, Content(text="hello")),
        "a word as a reaction": lambda posting, actor: posting.react(actor, slow, YARD, 2, "hello", True),
        "a word of flags": lambda posting, actor: posting.react(actor, slow, YARD, 2, "🇭🇪🇱🇱🇴", True),
    }
    for first in said.values():
        posting = assembled(store).posting
        first(posting, MINA)
        for second in said.values():
            assert code(lambda: second(posting, MINA)) == "slow_mode"  # noqa: B023  # called at once
        posting.react(MINA, slow, YARD, 2, "👍", True)
        posting.react(MINA, slow, YARD, 2, "hello", False)
        posting.delete(MINA, YARD, 2)
        send(posting, actor=user("bora"), slow_ms=60_000)


async def test_slow_mode_holds_the_guests_of_an_address_together(store: Store) -> None:
    node = assembled(store)
    guests = [node.identity.guest("Mina", "10.0.0.1", 0.0).user for _ in range(2)]
    slow = Standing("member", 60_000)
    node.posting.send(guests[0], slow, YARD, "c-1", Content(text="hello"))
    for write in (
        lambda: node.posting.send(guests[1], slow, YARD, "c-1", Content(text="hello")),
        lambda: node.posting.edit(guests[1], slow, YARD, 2, None, Content(text="hello")),
    ):
        assert code(write) == "slow_mode"
    elsewhere = node.identity.guest("Mina", "10.0.0.2", 0.0).user
    node.posting.send(elsewhere, slow, YARD, "c-1", Content(text="hello"))
    node.posting.send(guests[1], slow, "plaza", "c-1", Content(text="hello"))
    node.posting.send(Actor(id="u-mina", name="Mina", address="10.0.0.1"), slow, YARD, "c-2", Content(text="no guest"))


async def test_what_a_guest_sends_again_costs_their_address_nothing(store: Store) -> None:
    async with running_node(store) as node:
        mina, bora = (node.identity.guest(name, "10.0.0.1", node.now()).user for name in ("Mina", "Bora"))
        for guest in (mina, bora):
            await node.rooms.enter(guest, YARD)
        await node.appender.append(node.posting.send(mina, MEMBER, YARD, "c-1", Content(text="hello")))
        again = node.posting.send(mina, Standing("member", 60_000), YARD, "c-1", Content(text="hello"))
        appended = await node.appender.append(again)
        assert appended is not None
        assert appended.duplicate
        await node.appender.append(node.posting.send(bora, Standing("member", 60_000), YARD, "c-1", Content(text="hi")))


async def test_a_server_key_is_held_by_the_rate_of_the_room(store: Store) -> None:
    posting = assembled(store, Rates(user=Rate(0.001, 3), room=Rate(0.001, 10))).posting
    for _ in range(10):
        send(posting, actor=SHOP, role="owner")
    assert code(lambda: send(posting, actor=SHOP, role="owner")) == "rate_limited"


async def test_slow_mode_holds_plain_members_however_a_door_knows_the_room(store: Store) -> None:
    async with running_node(store) as node:
        await node.rooms.change(OWNER, YARD, RoomChanged(slow_ms=700))
        await node.rooms.enter(MINA, YARD)
        for _ in ("looked up", "live"):
            standings = [await node.posting.standing(actor, YARD) for actor in (MINA, OWNER, SHOP)]
            assert [standing.slow_ms for standing in standings] == [700, 0, 0]
            await node.hub.open(YARD)
        assert [node.posting.following(YARD, role).slow_ms for role in ("member", "moderator")] == [700, 0]
        await node.rooms.change(OWNER, YARD, RoomChanged(slow_ms=900))
        assert (await node.posting.standing(MINA, YARD)).slow_ms == 900
        with pytest.raises(Refused):
            await node.posting.standing(MINA, "missing")
