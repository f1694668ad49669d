"""Publishing: each message of a request for itself, in the order of its room, and what has to wait holds those behind it."""

import asyncio
from typing import Any

import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Appended, MessageSent
from madang.core.messages import Content
from madang.core.rate import Rate
from madang.errors import Limited, MadangError, Refused, StorageFailed
from madang.services.limits import Rates
from madang.services.publishing import PUBLISHING, WAITING, Publication, Published
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.wrapped import Wrapped
from tests.unit.transports.nodes import running_node
from tests.waiting import eventually

SHOP = Actor(id="key-1", name="Shop", server=True)


def say(room: str, text: str, cid: str | None = None, sender: tuple[str, str | None] | None = None) -> Publication:
    return Publication(room=room, content=Content(text=text), cid=cid, sender=sender)


def told(results: list[Published]) -> list[str]:
    """Return codes, and "ok" for what is stored."""
    return [each.code if isinstance(each, MadangError) else "again" if each.duplicate else "ok" for each in results]


async def texts(store: Store, room: str) -> list[str | None]:
    bodies = [event.content() for event in await store.read(room, 0, 1000)]
    return [body.text for body in bodies if isinstance(body, MessageSent)]


async def test_each_message_is_answered_for_itself(store: Store) -> None:
    async with running_node(store) as node:
        await node.rooms.create(OWNER, "plaza", "", "invite")
        wanted = [
            say("yard", "one"),
            say("missing", "two"),
            say("plaza", "three"),
            say("yard", ""),
            say("yard", "x" * 5000),
            say("yard", "four", sender=("shop-7", "Support")),
            say("yard", "five", sender=("madang", "Support")),
            say("yard", "six", sender=("shop-7", "\u202e")),
        ]
        results = await node.publishing.publish(SHOP, wanted)
        assert told(results) == ["ok", "not_found", "ok", "empty", "too_big", "ok", "bad_field", "bad_name"]
        spoken = results[5]
        assert isinstance(spoken, Appended)
        assert (spoken.event.user, spoken.event.name) == ("shop-7", "Support")
    assert await texts(store, "yard") == ["one", "four"]
    assert await texts(store, "plaza") == ["three"]


async def test_a_request_that_is_sent_again_stores_nothing_twice(store: Store) -> None:
    async with running_node(store) as node:
        wanted = [say("yard", f"m{n}", cid=f"c-{n}") for n in range(100)] + [say("yard", "m0", cid="c-0")]
        first = await node.publishing.publish(SHOP, wanted)
        assert told(first) == ["ok"] * 100 + ["again"]
        again = await node.publishing.publish(SHOP, wanted)
        assert told(again) == ["again"] * 101
        assert [r.event.seq for r in again if isinstance(r, Appended)] == [
            r.event.seq for r in first if isinstance(r, Appended)
        ]
        assert told(await node.publishing.publish(SHOP, [say("yard", "other", cid="c-0")])) == ["conflict"]
    assert await texts(store, "yard") == [f"m{n}" for n in range(100)]


async def test_in_each_room_the_order_is_that_of_the_list(store: Store) -> None:
    async with running_node(store) as node:
        rooms = [f"room-{n}" for n in range(7)]
        for room in rooms:
            await node.rooms.create(OWNER, room, "", "open")
        wanted = [say(rooms[n % 7], str(n)) for n in range(1000)]
        assert set(told(await node.publishing.publish(SHOP, wanted))) == {"ok"}
        for n, room in enumerate(rooms):
            assert await texts(store, room) == [str(m) for m in range(n, 1000, 7)]


async def test_what_has_to_wait_holds_what_is_behind_it_in_its_room(store: Store) -> None:
    async with running_node(store, rates=Rates(room=Rate(0.001, 10))) as node:
        await node.rooms.create(OWNER, "plaza", "", "open")
        wanted = [say("yard", str(n), cid=str(n)) for n in range(20)] + [say("plaza", "hello")]
        results = await node.publishing.publish(SHOP, wanted)
        assert told(results) == ["ok"] * 10 + ["rate_limited"] * 10 + ["ok"]
        waits = {each.retry_ms for each in results if isinstance(each, Limited)}
        assert len(waits) == 1, "the first is asked, the others wait behind it"
    assert await texts(store, "yard") == [str(n) for n in range(10)]


async def test_a_repeat_is_known_before_it_has_to_wait(store: Store) -> None:
    async with running_node(store, rates=Rates(room=Rate(0.001, 10))) as node:
        wanted = [say("yard", str(n), cid=str(n)) for n in range(10)]
        assert told(await node.publishing.publish(SHOP, wanted)) == ["ok"] * 10
        assert told(await node.publishing.publish(SHOP, [*wanted, say("yard", "more", cid="more")])) == [
            *["again"] * 10,
            "rate_limited",
        ]


class Failing(Wrapped):
    """Fails its next append."""

    fails = False

    async def append(self, drafts: Any) -> Any:
        if self.fails:
            self.fails = False
            raise StorageFailed()
        return await self.inner.append(drafts)


async def test_when_the_storage_fails_what_was_not_tried_is_not_stored_either(store: Store) -> None:
    failing = Failing(store)
    async with running_node(failing) as node:
        await node.rooms.create(OWNER, "plaza", "", "open")
        failing.fails = True
        wanted = [say("yard", str(n), cid=str(n)) for n in range(1000)]
        results = told(await node.publishing.publish(SHOP, wanted))
        assert "storage_failed" in results
        stored = results.count("ok")
        assert await texts(store, "yard") == [str(n) for n, each in enumerate(results) if each == "ok"]
        assert told(await node.publishing.publish(SHOP, wanted)).count("again") == stored


async def test_a_mute_or_a_ban_holds_a_user_for_whom_a_key_speaks_and_not_the_key(store: Store) -> None:
    async with running_node(store) as node:
        await node.moderation.mute(OWNER, "yard", "shop-7")
        await node.moderation.ban(OWNER, "yard", "shop-8", for_ms=60_000)
        spoken = [say("yard", f"by {id}", sender=(id, "Mina")) for id in ("shop-6", "shop-7", "shop-8")]
        results = await node.publishing.publish(SHOP, [*spoken, say("yard", "by the shop")])
        assert told(results) == ["ok", "muted", "banned", "ok"]
        banned = results[2]
        assert isinstance(banned, Limited) and 0 < banned.retry_ms <= 60_000
        await node.moderation.unmute(OWNER, "yard", "shop-7")
        await node.moderation.unban(OWNER, "yard", "shop-8")
        assert told(await node.publishing.publish(SHOP, spoken)) == ["ok"] * 3
        await node.moderation.ban(OWNER, "yard", "shop-8")
        assert told(await node.publishing.publish(SHOP, spoken)) == ["ok", "ok", "banned"]


async def test_who_is_known_needs_no_name(store: Store) -> None:
    async with running_node(store) as node:
        await node.people.put(SHOP, [("shop-1", "Mina"), ("shop-2", "Bora")])
        await node.people.delete(SHOP, "shop-2", "keep")
        senders: list[tuple[str, str | None]] = [
            ("shop-1", None),
            ("shop-2", "Bora"),
            ("shop-3", None),
            ("shop-1", "Min"),
        ]
        results = await node.publishing.publish(SHOP, [say("yard", "hello", sender=sender) for sender in senders])
        assert told(results) == ["ok", "gone", "not_found", "ok"]
        assert [each.event.name for each in results if isinstance(each, Appended)] == ["Mina", "Min"]


async def test_only_servers_publish_and_only_so_many_requests_wait(store: Store) -> None:
    async with running_node(store) as node:
        with pytest.raises(Refused) as refused:
            await node.publishing.publish(user("mina"), [say("yard", "hello")])
        assert refused.value.code == "forbidden"
        asking = [
            asyncio.ensure_future(node.publishing.publish(SHOP, [say("yard", "hello")]))
            for _ in range(PUBLISHING + WAITING + 1)
        ]
        await asyncio.wait(asking, return_when=asyncio.FIRST_EXCEPTION)
        with pytest.raises(Refused) as refused:
            await asking[-1]
        assert refused.value.code == "overloaded"
        assert {told(each)[0] for each in await asyncio.gather(*asking[:-1])} == {"ok"}
        await eventually(lambda: node.publishing.metrics()[0].value == 0)


async def test_others_get_their_turns_of_the_loop_meanwhile(store: Store) -> None:
    async with running_node(store) as node:
        publishing = asyncio.ensure_future(node.publishing.publish(SHOP, [say("yard", str(n)) for n in range(1000)]))
        turns = 0
        while not publishing.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 1000 // 32
