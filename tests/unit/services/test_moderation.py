"""Moderators ban and mute, and lift that; what that costs; and that guests are known by where they come from, others are not."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Appended, Body, MemberJoined, MemberKicked, RoleGiven, RoomChanged, draft
from madang.core.messages import Content
from madang.core.rate import Bucket, Rate
from madang.core.sanctions import MAX_REASON
from madang.core.user_ids import guest
from madang.services import pages
from madang.services.limits import Rates
from madang.services.moderation import ShownDeed
from madang.services.origins import origin_of
from madang.services.pages import Rows
from madang.services.quotas import Quota, QuotaRates
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.assembled import assembled
from tests.unit.services.test_rooms import HIDDEN, SHOP, YARD, code
from tests.unit.services.wrapped import Wrapped
from tests.unit.transports.nodes import running_node

MINA, BORA = user("mina"), user("bora")
TROLL, AGAIN, OTHER = (Actor(id=guest(letter * 16), name="Troll", address="203.0.113.7") for letter in "abc")


def listed(rows: Rows) -> tuple[list[dict[str, Any]], bool]:
    found: list[dict[str, Any]] = json.loads(bytes(rows.text))
    return found, rows.more


def deeds(page: Rows) -> list[ShownDeed]:
    """Return the entries of a page of the audit trail."""
    return msgspec.json.decode(bytes(page.text), type=list[ShownDeed])


async def test_pages_of_bans_and_mutes_are_text_that_fits_into_an_answer(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        for act in (node.moderation.ban, node.moderation.mute):
            await act(OWNER, YARD, f"u-{name}", reason="x" * MAX_REASON)
    for read in (node.moderation.bans, node.moderation.mutes):
        assert [(len(rows), more) for rows, more in [listed(await read(OWNER, YARD, "", 2))]] == [(2, True)]
        with monkeypatch.context() as patch:
            patch.setattr(pages, "ANSWER_BYTES", 2 * MAX_REASON)
            assert [(len(rows), more) for rows, more in [listed(await read(OWNER, YARD, "", 10))]] == [(1, True)]


async def test_a_ban_ends_a_membership_and_keeps_its_user_out(node: Node, store: Store) -> None:
    await node.rooms.enter(MINA, YARD)
    assert await node.moderation.ban(OWNER, YARD, MINA.id, reason="spam", for_ms=60_000) is not None
    assert await code(node.rooms.member(MINA, YARD)) == "not_found"
    assert await code(node.rooms.enter(MINA, YARD)) == "banned"
    _, text = await node.invites.make(OWNER, YARD, node.now())
    assert await code(node.rooms.enter(MINA, YARD, text)) == "banned"
    ((ban,), more) = listed(await node.moderation.bans(OWNER, YARD, "", 10))
    assert 0 < ban.pop("expires_ms") <= 60_000
    assert ban == {"user": MINA.id, "name": MINA.name, "by": OWNER.id, "reason": "spam"}
    assert not more
    assert await node.moderation.unban(OWNER, YARD, MINA.id) is not None
    assert await node.moderation.unban(OWNER, YARD, MINA.id) is None
    assert (await node.rooms.enter(MINA, YARD)).role == "member"


async def test_who_may_ban(node: Node) -> None:
    for room in (YARD, HIDDEN):
        for act in (node.moderation.ban, node.moderation.unban):
            assert await code(act(BORA, room, MINA.id)) == "not_found"
        assert await code(node.moderation.bans(BORA, room, "", 10)) == "not_found"
    await node.rooms.enter(MINA, YARD)
    for act in (node.moderation.ban, node.moderation.unban):
        assert await code(act(MINA, YARD, BORA.id)) == "forbidden"
    assert await code(node.moderation.bans(MINA, YARD, "", 10)) == "forbidden"
    assert await code(node.moderation.ban(OWNER, YARD, OWNER.id)) == "forbidden"
    await node.moderation.ban(SHOP, YARD, OWNER.id)
    assert [ban["by"] for ban in listed(await node.moderation.bans(SHOP, YARD, "", 10))[0]] == [SHOP.id]


@pytest.mark.parametrize(
    ("reason", "answer"), [("x" * (MAX_REASON + 1), "too_big"), ("a\0b", "bad_text"), ("\u200b", "empty")]
)
async def test_reasons_are_held_to_the_rules_of_text(node: Node, reason: str, answer: str) -> None:
    assert await code(node.moderation.ban(OWNER, YARD, MINA.id, reason=reason)) == answer


async def test_a_banned_guest_does_not_come_back_under_a_new_name(node: Node) -> None:
    await node.rooms.enter(TROLL, YARD)
    await node.rooms.enter(OTHER, YARD)
    await node.moderation.ban(OWNER, YARD, TROLL.id)
    assert await code(node.rooms.enter(AGAIN, YARD)) == "banned"
    member = await node.rooms.enter(OTHER, YARD)
    assert member.role == "member", "who is in already stays"
    account = Actor(id="shop:8151", name="Troll", address=TROLL.address)
    assert (await node.rooms.enter(account, YARD)).role == "member", "a product answers for its own users"
    await node.rooms.create(OWNER, "second", "Second", "open")
    assert (await node.rooms.enter(AGAIN, "second")).role == "member"
    await node.moderation.unban(OWNER, YARD, TROLL.id)
    assert (await node.rooms.enter(AGAIN, YARD)).role == "member"


async def test_a_ban_of_another_users_holds_no_address(node: Node) -> None:
    account = Actor(id="shop:8151", name="Troll", address=TROLL.address)
    await node.rooms.enter(account, YARD)
    await node.moderation.ban(OWNER, YARD, account.id)
    assert (await node.rooms.enter(AGAIN, YARD)).role == "member"


async def test_no_room_pays_for_the_tries_of_who_was_banned(store: Store) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 20), room=Rate(0.001, 10))) as node:
        await node.moderation.ban(OWNER, YARD, MINA.id)
        for _ in range(20):
            assert await code(node.rooms.enter(MINA, YARD)) == "banned"
        for n in range(8):
            assert await node.rooms.change(OWNER, YARD, RoomChanged(title=f"Title {n}")) is not None


async def test_moderation_is_paid_for(store: Store) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 3), connection=Rate(0.001, 5))) as node:
        await node.moderation.ban(OWNER, YARD, MINA.id)
        await node.moderation.unban(OWNER, YARD, MINA.id)
        await node.moderation.unban(OWNER, YARD, MINA.id)
        assert await code(node.moderation.ban(OWNER, YARD, MINA.id)) == "rate_limited"
        assert await code(node.moderation.unban(OWNER, YARD, MINA.id)) == "rate_limited"
        bucket = Bucket()
        await node.moderation.bans(OWNER, YARD, "", 100, bucket=bucket)
        assert await code(node.moderation.bans(OWNER, YARD, "", 100, bucket=bucket)) == "rate_limited"
        assert await code(node.moderation.audit(OWNER, YARD, None, 100, bucket=bucket)) == "rate_limited"
    async with running_node(store, rates=Rates(quotas=QuotaRates(kilobytes=Quota(user=2)))) as node:
        for _ in range(2):
            await node.moderation.ban(OWNER, YARD, MINA.id)
        assert await code(node.moderation.ban(OWNER, YARD, MINA.id)) == "quota"
        assert await code(node.moderation.unban(OWNER, YARD, MINA.id)) == "quota"


def test_an_origin_stands_for_one_address_in_one_room() -> None:
    origin = origin_of(bytes(range(32)))
    addresses = ["203.0.113.7", "203.0.113.8", "2001:db8::/64", "100.64.0.1"]
    told = {origin(room, address) for room in ("a", "b") for address in addresses}
    assert len(told) == 8
    assert all(len(each) == 32 for each in told)
    assert origin("a", "203.0.113.7") == origin("a", "203.0.113.7")
    assert origin_of(bytes(32))("a", "203.0.113.7") not in told


@pytest.mark.parametrize(
    "address",
    [
        "",
        "local",
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "unknown",
        "10.0.0.1",
        "172.17.0.1",
        "192.168.1.9",
        "fd00::/64",
        "fe80::/64",
    ],
)
def test_what_may_be_everybodys_address_has_no_origin(address: str) -> None:
    assert origin_of(bytes(32))("a", address) == ""


async def test_a_mute_keeps_its_user_from_writing(node: Node) -> None:
    await node.rooms.enter(MINA, YARD)
    assert await node.moderation.mute(OWNER, YARD, MINA.id, reason="spam", for_ms=60_000) is not None
    ((mute,), more) = listed(await node.moderation.mutes(OWNER, YARD, "", 10))
    assert 0 < mute.pop("expires_ms") <= 60_000
    assert mute == {"user": MINA.id, "name": MINA.name, "by": OWNER.id, "reason": "spam"}
    assert not more
    assert await code(said(node, MINA)) == "muted"
    assert await node.moderation.unmute(OWNER, YARD, MINA.id) is not None
    assert await node.moderation.unmute(OWNER, YARD, MINA.id) is None
    assert await said(node, MINA) is not None


async def test_who_may_mute(node: Node) -> None:
    for room in (YARD, HIDDEN):
        for act in (node.moderation.mute, node.moderation.unmute):
            assert await code(act(BORA, room, MINA.id)) == "not_found"
        assert await code(node.moderation.mutes(BORA, room, "", 10)) == "not_found"
    await node.rooms.enter(MINA, YARD)
    for act in (node.moderation.mute, node.moderation.unmute):
        assert await code(act(MINA, YARD, BORA.id)) == "forbidden"
    assert await code(node.moderation.mutes(MINA, YARD, "", 10)) == "forbidden"
    assert await code(node.moderation.mute(OWNER, YARD, OWNER.id)) == "forbidden"
    assert await code(node.moderation.mute(OWNER, YARD, MINA.id, reason="a\0b")) == "bad_text"


async def test_viewers_are_refused_before_anything_is_charged(store: Store) -> None:
    async with running_node(store, rates=Rates(user=Rate(0.001, 5), room=Rate(0.001, 10))) as node:
        await node.rooms.enter(MINA, YARD)
        await node.rooms.grant(OWNER, YARD, MINA.id, "viewer")
        for _ in range(20):
            assert await code(said(node, MINA)) == "forbidden"
        assert await said(node, OWNER) is not None


async def said(node: Node, actor: Actor) -> Appended | None:
    standing = await node.posting.standing(actor, YARD)
    return await node.appender.append(node.posting.send(actor, standing, YARD, uuid4().hex, Content(text="hello")))


async def test_owners_read_who_did_what(node: Node) -> None:
    await node.rooms.enter(MINA, YARD)
    await node.rooms.grant(OWNER, YARD, MINA.id, "moderator")
    await node.moderation.ban(MINA, YARD, BORA.id, reason="spam", for_ms=60_000)
    invite, secret = await node.invites.make(MINA, YARD, node.now())
    await node.invites.revoke(OWNER, YARD, invite.id, node.now())
    page = await node.moderation.audit(OWNER, YARD, None, 3)
    entries, more = deeds(page), page.more
    told = [(entry.what, entry.by, entry.user, entry.reason) for entry in entries]
    assert told == [("revoke", OWNER.id, None, ""), ("invite", MINA.id, None, ""), ("ban", MINA.id, BORA.id, "spam")]
    assert more
    assert secret not in f"{entries}" and invite.hash not in f"{entries}"
    assert [entry.what for entry in deeds(await node.moderation.audit(SHOP, YARD, entries[-1].n, 3))] == ["role"]


async def test_who_may_read_the_audit_trail(node: Node) -> None:
    for room in (YARD, HIDDEN, "nowhere"):
        assert await code(node.moderation.audit(BORA, room, None, 10)) == "not_found"
    for role in ("member", "moderator"):
        await node.rooms.enter(MINA, YARD)
        await node.rooms.grant(OWNER, YARD, MINA.id, role)
        assert await code(node.moderation.audit(MINA, YARD, None, 10)) == "forbidden"


class Demoting(Wrapped):
    """Ends a right of the reader behind each read of it, before that is answered."""

    def __init__(self, store: Store, end: Body) -> None:
        super().__init__(store)
        self._end = end

    def __getattr__(self, name: str) -> Any:
        read = super().__getattr__(name)
        if name not in ("bans", "mutes", "audit", "reports", "invites", "words"):
            return read

        async def late(*args: Any, **named: Any) -> Any:
            found = await read(*args, **named)
            await self.inner.append([draft(self._end, YARD, SHOP.id, SHOP.name, server=True)])
            return found

        return late


LISTS: list[Callable[[Node], Awaitable[object]]] = [
    lambda node: node.moderation.bans(MINA, YARD, "", 10),
    lambda node: node.moderation.mutes(MINA, YARD, "", 10),
    lambda node: node.moderation.audit(MINA, YARD, None, 10),
    lambda node: node.reports.page(MINA, YARD, 0, 10),
    lambda node: node.invites.in_force(MINA, YARD, node.now()),
    lambda node: node.word_lists.show(MINA, YARD),
]


@pytest.mark.parametrize(
    ("end", "refusal"),
    [(RoleGiven(member=MINA.id, role="member"), "forbidden"), (MemberKicked(member=MINA.id), "not_found")],
    ids=["demoted", "kicked"],
)
@pytest.mark.parametrize("which", range(len(LISTS)))
async def test_who_is_no_moderator_by_the_time_a_list_is_read_does_not_get_it(
    store: Store, which: int, end: Body, refusal: str
) -> None:
    await store.append([draft(MemberJoined(role="member"), YARD, MINA.id, MINA.name)])
    await store.append([draft(RoleGiven(member=MINA.id, role="owner"), YARD, OWNER.id, OWNER.name)])
    await LISTS[which](assembled(store))
    node = assembled(Demoting(store, end))
    assert await code(LISTS[which](node)) == refusal
