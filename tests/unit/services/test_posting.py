"""Posting judges role, rates and slow mode, in that order behind the content, and pays for what it drafts."""

from collections.abc import Callable

import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Draft
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
        lambda posting: posting.edit(MINA, YARD, 2, None, Content(text="hello")),
        lambda posting: posting.delete(MINA, YARD, 2),
        lambda posting: posting.react(MINA, YARD, 2, "👍", True),
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
        assert code(lambda: posting.edit(MINA, YARD, 2, None, Content(text=""))) == "empty"
        assert code(lambda: posting.react(MINA, YARD, 2, "a b", True)) == "bad_field"
        assert code(lambda: posting.pin(MINA, Standing("member", 0), YARD, 2, True)) == "forbidden"
    assert send(posting).type == "message.sent"


async def test_slow_mode_holds_plain_members_and_only_what_they_send(store: Store) -> None:
    posting = assembled(store).posting
    send(posting, slow_ms=60_000)
    assert code(lambda: send(posting, slow_ms=60_000)) == "slow_mode"
    for _ in range(3):
        posting.edit(MINA, YARD, 2, None, Content(text="hello"))
        posting.react(MINA, YARD, 2, "👍", True)


async def test_a_server_key_is_held_by_the_rate_of_the_room(store: Store) -> None:
    posting = assembled(store, Rates(user=Rate(0.001, 3), room=Rate(0.001, 10))).posting
    for _ in range(10):
        send(posting, actor=SHOP, role="owner")
    assert code(lambda: send(posting, actor=SHOP, role="owner")) == "rate_limited"


async def test_slow_mode_holds_plain_members_however_a_door_knows_the_room(store: Store) -> None:
    async with running_node(store) as node:
        await node.rooms.change(OWNER, YARD, None, None, 700)
        await node.rooms.enter(MINA, YARD)
        for _ in ("looked up", "live"):
            standings = [await node.posting.standing(actor, YARD) for actor in (MINA, OWNER, SHOP)]
            assert [standing.slow_ms for standing in standings] == [700, 0, 0]
            await node.hub.open(YARD)
        assert [node.posting.following(YARD, role).slow_ms for role in ("member", "moderator")] == [700, 0]
        await node.rooms.change(OWNER, YARD, None, None, 900)
        assert (await node.posting.standing(MINA, YARD)).slow_ms == 900
        with pytest.raises(Refused):
            await node.posting.standing(MINA, "missing")
