"""A product's users: made known, let in by tokens that end with the key, disconnected, and members of what they are put in."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.people import Person
from madang.core.profiles import Profile
from madang.core.rooms import Member
from madang.errors import Limited, MadangError, Refused, StorageFailed
from madang.services.identity import Unfetched
from madang.services.memberships import NewMembership
from madang.services.people import DAY_MS, TOGETHER
from madang.services.tokens import LEEWAY_S
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.transports.nodes import running_node
from tests.waiting import eventually

MINA = user("mina")


async def shop_of(node: Node, **limits: Any) -> Actor:
    _, text = await node.identity.add_key("Shop", node.now(), **limits)
    return (await node.identity.server(text)).user


async def code(asked: Any) -> str:
    with pytest.raises(MadangError) as refused:
        await asked
    return refused.value.code


async def test_people_are_put_one_by_one(store: Store) -> None:
    async with running_node(store) as node:
        shop = await shop_of(node)
        wanted = [
            ("shop-1", " Mina "),
            ("madang", "M"),
            ("shop-2", "\u202e"),
            ("shop-1", "Mina Kim"),
            ("uqk3v7m5h2x5d4yny", "x"),
        ]
        found = await node.people.put(shop, wanted)
        assert [each.code if isinstance(each, Refused) else each.name for each in found] == [
            "Mina", "bad_field", "bad_name", "Mina Kim", "bad_field",
        ]  # fmt: skip
        assert await node.people.names(["shop-1", "shop-2"]) == {"shop-1": "Mina Kim"}
        await node.people.delete(shop, "shop-1", "keep")
        (gone,) = await node.people.put(shop, [("shop-1", "Mina")])
        assert isinstance(gone, Refused) and gone.code == "gone"
        assert await node.people.put(shop, [("shop-3", "Support")]) == [Person("shop-3", "Support")]


async def test_everybody_who_has_another_name_is_told_of_whatever_becomes_of_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not told when it is asked for again: the names are kept by then."""
    async with running_node(store) as node:
        shop = await shop_of(node)
        ids = [f"shop-{n}" for n in range(TOGETHER + 3)]
        await node.people.put(shop, [(id, "Before") for id in ids])
        await node.memberships.put_many(shop, [NewMembership(room="yard", user=id) for id in ids])
        profile = store.profile

        async def failing(user: str) -> Profile:
            if user in ids[:2]:
                raise StorageFailed
            return await profile(user)

        monkeypatch.setattr(store, "profile", failing)
        assert await code(node.people.put(shop, [(id, "After") for id in ids])) == "storage_failed"
        found = {m.user: m.name for m in await store.members("yard", limit=200)}
        assert [found[id] for id in ids] == ["Before"] * 2 + ["After"] * (len(ids) - 2)


async def test_nobody_but_a_server_key_does_any_of_it(store: Store) -> None:
    async with running_node(store) as node:
        spoken = Actor(id="shop-9", name="Mina", server=True, via="key-1")
        for actor in (MINA, spoken):
            for asked in (
                node.people.put(actor, [("shop-1", "Mina")]),
                node.people.token(actor, "shop-1", 0.0),
                node.people.delete(actor, "shop-1", "keep"),
                node.memberships.put_many(actor, [NewMembership(room="yard", user="shop-1", name="Mina")]),
            ):
                assert await code(asked) == "forbidden"
            with pytest.raises(Refused, match="For server keys only"):
                node.people.disconnect(actor, "shop-1")
        wanted = NewMembership(room="yard", user="shop-1", name="Mina")
        assert await code(node.memberships.put(OWNER, wanted)) == "forbidden"
        assert await code(node.memberships.put(MINA, wanted)) == "not_found"


async def test_a_token_is_for_who_is_known_and_ends_with_its_time(store: Store) -> None:
    async with running_node(store) as node:
        shop, now = await shop_of(node), node.now()
        assert await code(node.people.token(shop, "shop-1", now)) == "not_found"
        assert await code(node.people.token(shop, "account-1", now)) == "bad_field"
        await node.people.put(shop, [("shop-1", "Mina")])
        access = await node.people.token(shop, "shop-1", now)
        assert access.left_ms(now) in range(DAY_MS - 1000, DAY_MS + 1)
        found = await node.identity.access(access.token, now)
        assert (found.user.id, found.user.name, found.user.server, found.by) == ("shop-1", "Mina", False, shop.id[4:])
        assert found.token == access.token, "the product renews it, and nobody else"
        over = await node.people.token(shop, "shop-1", now - DAY_MS / 1000 - LEEWAY_S - 1)
        assert await code(node.identity.access(over.token, now)) == "bad_token"
        short = await node.people.token(shop, "shop-1", now, 60_000)
        assert short.until <= now + 60 + LEEWAY_S
        await node.people.delete(shop, "shop-1", "keep")
        assert await code(node.identity.access(access.token, now)) == "bad_token"
        assert await code(node.people.token(shop, "shop-1", now)) == "gone"


async def test_a_token_holds_no_longer_than_the_key_that_made_it(store: Store) -> None:
    now_ms = [1_800_000_000_000]
    async with running_node(store, clock_ms=lambda: now_ms[0]) as node:
        _, text = await node.identity.add_key("Shop", now_ms[0] / 1000, for_ms=5000)
        shop, now = (await node.identity.server(text)).user, now_ms[0] / 1000
        await node.people.put(shop, [("shop-1", "Mina")])
        access = await node.people.token(shop, "shop-1", now)
        assert access.left_ms(now) <= 5000
        assert (await node.identity.access(access.token, now)).user.id == "shop-1"
        now_ms[0] += 5000
        assert await code(node.identity.access(access.token, now)) == "bad_token"


async def test_a_token_is_worth_nothing_without_the_key_that_made_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[object] = []
    async with running_node(store) as node:
        shop, now = await shop_of(node), node.now()
        await node.people.put(shop, [("shop-1", "Mina")])
        token = (await node.people.token(shop, "shop-1", now)).token
        monkeypatch.setattr(node.sessions, "end_made_by", ended.append)
        await node.identity.drop_key(shop.id[4:])
        assert ended == [{shop.id[4:]}]
        with pytest.raises(Unfetched) as unfetched:
            node.identity.verify(token, now)
        assert unfetched.value.maker == shop.id[4:]
        assert await code(node.identity.access(token, now)) == "bad_token"
        with pytest.raises(Refused):  # known by now
            node.identity.verify(token, now)


async def test_another_node_ends_connections_when_a_key_is_gone_or_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word from the node where it was dropped."""
    now_ms = [1_800_000_000_000]
    clock: dict[str, Any] = {"clock_ms": lambda: now_ms[0]}
    async with running_node(store, **clock) as here, running_node(store, name="other", **clock) as there:
        ended: list[object] = []
        keys = there.identity.server_keys
        dropped, _ = await here.identity.add_key("Dropped", now_ms[0] / 1000)
        short, _ = await here.identity.add_key("Short", now_ms[0] / 1000, for_ms=5000)
        kept, _ = await here.identity.add_key("Kept", now_ms[0] / 1000)
        monkeypatch.setattr(there.sessions, "makers", lambda: [dropped.id, short.id, kept.id])
        monkeypatch.setattr(there.sessions, "end_made_by", ended.append)
        watching = asyncio.ensure_future(keys.run())
        await eventually(lambda: keys.in_force(kept.id))
        assert ended == []
        await here.identity.drop_key(dropped.id)
        await eventually(lambda: {dropped.id} in ended)
        assert {short.id} not in ended
        now_ms[0] += 5000
        await eventually(lambda: {short.id} in ended)
        assert {kept.id} not in ended
        watching.cancel()


async def test_members_are_put_and_given_roles(store: Store) -> None:
    async with running_node(store) as node:
        shop = await shop_of(node)
        await node.rooms.create(OWNER, "den", "", "invite")
        await node.people.put(shop, [("shop-1", "Mina")])

        async def put(user: str, role: str | None = None, name: str | None = None, room: str = "den") -> Member:
            return await node.memberships.put(shop, NewMembership(room=room, user=user, role=role, name=name))

        made = await put("shop-1")
        assert (made.name, made.role) == ("Mina", "member")
        assert (await put("shop-1", "moderator", "Other")).role == "moderator"
        assert (await put("shop-1")).role == "moderator", "without a role it stays as it is"
        assert (await put("issuer-jwt:42", "owner", "Bora")).role == "owner"
        found = {m.user: (m.name, m.role) for m in await store.members("den")}
        assert found["shop-1"] == ("Mina", "moderator")
        assert found["issuer-jwt:42"] == ("Bora", "owner")
        refusals: list[tuple[Callable[[], Any], str]] = [
            (lambda: put("shop-2"), "bad_field"),
            (lambda: put("shop-2", name="\u202e"), "bad_name"),
            (lambda: put("shop-2", "king", "Mina"), "bad_field"),
            (lambda: put("madang", name="Mina"), "bad_field"),
            (lambda: put(shop.id, name="Mina"), "bad_field"),
            (lambda: put("shop-1", room="nowhere"), "not_found"),
        ]
        for asked, expected in refusals:
            assert await code(asked()) == expected
        await node.moderation.ban(OWNER, "den", "shop-3", for_ms=60_000)
        with pytest.raises(Limited) as banned:
            await put("shop-3", name="Mina")
        assert banned.value.code == "banned"
        await node.people.delete(shop, "shop-1", "keep")
        assert await code(put("shop-1", name="Mina")) == "gone"


async def test_many_members_are_answered_one_by_one_and_the_last_word_holds(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(store) as node:
        shop = await shop_of(node)
        await node.people.put(shop, [(f"shop-{n}", f"U{n}") for n in range(200)])
        people, asked = store.people, list[int]()

        async def counted(ids: Collection[str]) -> dict[str, str]:
            asked.append(len(ids))
            return await people(ids)

        monkeypatch.setattr(store, "people", counted)
        wanted = [NewMembership(room="yard", user=f"shop-{n}") for n in range(200)]
        wanted += [
            NewMembership(room="nowhere", user="shop-1"),
            NewMembership(room="yard", user="shop-1", role="moderator"),
        ]
        wanted += [NewMembership(room="yard", user="shop-1", role="viewer"), NewMembership(room="yard", user="nobody")]
        found = await node.memberships.put_many(shop, wanted)
        assert [each.role for each in found[:200] if isinstance(each, Member)] == ["member"] * 200
        assert [each.code if isinstance(each, MadangError) else each.role for each in found[200:]] == [
            "not_found", "moderator", "viewer", "bad_field",
        ]  # fmt: skip
        member = await store.member("yard", "shop-1")
        assert member is not None and member.role == "viewer"
        assert asked == [201], "names are looked up at once"
