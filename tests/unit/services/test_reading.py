"""Equal reads are made once and are never older than the question; who reads is judged, and pays by the rows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from madang import memory as memory_module
from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.bounds import ANSWER_BYTES
from madang.core.events import MemberJoined, MemberKicked, MessagePinned, MessageSent, ReactionAdded, RoomChanged, draft
from madang.core.messages import Message
from madang.core.rate import Bucket, Rate
from madang.core.timestamps import moment
from madang.errors import Limited, Refused
from madang.services import reading as module
from madang.services.limits import Rates
from madang.services.pages import MessagePage, Rows, array, mapping
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.assembled import assembled
from tests.unit.services.wrapped import FailingPointers, SlowPointers, Wrapped
from tests.waiting import eventually, turns

YARD = "yard"


async def grow(store: Store, count: int) -> None:
    await store.append([draft(MessageSent(text=f"hello {n}"), YARD, OWNER.id, OWNER.name) for n in range(count)])


class SlowMessages(Wrapped):
    async def messages(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        page = await self.inner.messages(*args, **more)
        await self.go.wait()
        return page


def shown(page: MessagePage) -> list[Message]:
    return msgspec.json.decode(page.messages, type=list[Message])


async def test_history_pages_both_ways(store: Store) -> None:
    reading = assembled(store).reading
    await grow(store, 10)
    newest = await reading.history(OWNER, YARD, None, None, 4)
    assert ([m.seq for m in shown(newest)], newest.more) == ([8, 9, 10, 11], True)
    before = await reading.history(OWNER, YARD, 8, None, 100)
    assert ([m.seq for m in shown(before)], before.more) == ([2, 3, 4, 5, 6, 7], False)
    after = await reading.history(OWNER, YARD, None, 9, 100)
    assert ([m.seq for m in shown(after)], after.more) == ([10, 11], False)
    with pytest.raises(Refused, match="only one"):
        await reading.history(OWNER, YARD, 8, 2, 10)


async def test_history_around_a_message_and_a_time(store: Store) -> None:
    reading = assembled(store).reading
    await grow(store, 10)

    async def page(limit: int, **where: Any) -> tuple[list[int], bool, bool | None]:
        found = await reading.history(OWNER, YARD, None, None, limit, **where)
        return [m.seq for m in shown(found)], found.more, found.newer

    assert await page(4, around=6) == ([4, 5, 6, 7], True, True)
    assert await page(5, around=6) == ([4, 5, 6, 7, 8], True, True)
    assert await page(1, around=6) == ([6], True, True)
    assert await page(1, around=2) == ([2], False, True)
    assert await page(100, around=6) == (list(range(2, 12)), False, False)
    assert await page(4, around=0) == ([2, 3], False, True)
    assert await page(4, around=11) == ([9, 10, 11], True, False)
    assert await page(4, around=10**9) == ([10, 11], True, False)
    (sixth,) = (event for event in await store.read(YARD, 5, 1))
    first = await store.seq_at(YARD, sixth.at)
    assert await page(4, at=moment(sixth.at)) == await page(4, around=first)
    assert await page(4, at="2020-01-01T00:00:00Z") == ([2, 3], False, True)
    assert await page(4, at="2090-01-01T00:00:00.5Z") == ([10, 11], True, False)
    for wrong in (
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-11-22T09:00:00",
        "2026-11-22T09:00:00+09:00",
        "2026-11-22T25:00:00Z",
    ):
        with pytest.raises(Refused, match="at: a time in UTC"):
            await page(4, at=wrong)
    with pytest.raises(Refused, match="only one"):
        await page(4, around=6, at="2020-01-01T00:00:00Z")


async def test_a_page_around_a_message_has_nothing_of_before_one_joined(store: Store) -> None:
    node = assembled(store)
    await grow(store, 5)
    mina = user("mina")
    await store.append(
        [
            draft(RoomChanged(history="joined"), YARD, OWNER.id, OWNER.name),
            draft(MemberJoined(role="member"), YARD, mina.id, mina.name),
        ]
    )
    await grow(store, 5)
    for where in ({"around": 3}, {"around": 0}, {"at": "2020-01-01T00:00:00Z"}):
        found = await node.reading.history(mina, YARD, None, None, 4, **where)
        seqs = [m.seq for m in shown(found)]
        assert (seqs, found.more, found.newer) == ([9, 10], False, True), where
    found = await node.reading.history(mina, YARD, None, None, 6, around=10)
    assert ([m.seq for m in shown(found)], found.more, found.newer) == ([9, 10, 11, 12], False, True)


async def test_a_page_around_a_large_message_holds_it_and_says_what_is_left(store: Store) -> None:
    reading = assembled(store).reading
    await say(store, *["😀" * 4000] * 40, data=f'"{"x" * 16_000}"')
    found = await reading.history(OWNER, YARD, None, None, 200, around=21)
    seqs = [m.seq for m in shown(found)]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    assert seqs[0] < 21 < seqs[-1]
    assert (found.more, found.newer) == (True, True)
    assert len(found.messages) <= ANSWER_BYTES + 1


async def test_equal_reads_at_one_time_are_made_once(store: Store) -> None:
    slow = SlowMessages(store)
    reading = assembled(slow).reading
    asking = [asyncio.ensure_future(reading.history(OWNER, YARD, None, None, 50)) for _ in range(100)]
    await eventually(lambda: slow.asked)
    slow.go.set()
    await asyncio.gather(*asking)
    assert slow.asked == 2, "that of the first, and one for all who came while it was under way"


async def say(store: Store, *texts: str, data: str = "null") -> None:
    drafts = [MessageSent(text=text, data=msgspec.Raw(data.encode())) for text in texts]
    await store.append([draft(body, YARD, OWNER.id, OWNER.name) for body in drafts])


async def test_a_page_ends_where_its_bytes_do_and_paging_goes_on_by_more(store: Store) -> None:
    """As many as fit, in the direction asked for, and at least one; nothing is left out or comes twice."""
    reading = assembled(store).reading
    large = "😀" * 4000
    for size in (20, 20, 20):
        await say(store, *[large] * size, data=f'"{"x" * 16_000}"')
    everything = list(range(2, 62))
    back: list[int] = []
    more, before, pages = True, None, 0
    while more:
        page = await reading.history(OWNER, YARD, before, None, 200)
        assert len(page.messages) <= ANSWER_BYTES + 1
        back = [m.seq for m in shown(page)] + back
        more, before, pages = page.more, back[0], pages + 1
    assert (back, pages) == (everything, 8)
    on: list[int] = []
    more = True
    while more:
        page = await reading.history(OWNER, YARD, None, on[-1] if on else 1, 200)
        on += [m.seq for m in shown(page)]
        more = page.more
    assert on == everything
    await store.append([draft(MessagePinned(target=seq), YARD, OWNER.id, OWNER.name) for seq in range(2, 32)])
    pinned: list[int] = []
    more = True
    while more:
        page = await reading.pins(OWNER, YARD, pinned[-1] if pinned else 0)
        assert len(page.messages) <= ANSWER_BYTES + 1
        pinned += [m.seq for m in shown(page)]
        more = page.more
    assert pinned == list(range(2, 32))


def decoded(rows: Rows) -> Any:
    return msgspec.json.decode(rows.text)


async def test_lists_are_encoded_once_and_end_where_their_bytes_do() -> None:
    """What is measured is what is sent."""
    rows = [{"name": "x" * 3000, "n": n} for n in range(200)]
    page = array(rows, 200)
    assert page.more
    assert ANSWER_BYTES - 3200 < len(bytes(page.text)) <= ANSWER_BYTES + 1
    assert decoded(page) == rows[: len(decoded(page))]
    assert (decoded(array([], 3)), array([], 3).more) == ([], False)
    pairs = [(f'u-{n}"', "x" * 3000) for n in range(200)]
    users = mapping(pairs, 200)
    assert users.more
    assert decoded(users) == dict(pairs[: len(decoded(users))])
    assert ANSWER_BYTES - 3200 < len(bytes(users.text)) <= ANSWER_BYTES + 1
    assert (decoded(mapping(pairs, 1)), decoded(mapping([], 1))) == (dict(pairs[:1]), {})


async def test_lists_end_where_their_bytes_do() -> None:
    rows = [{"name": "x" * 3000, "n": n} for n in range(200)]

    def fitting(rows: list[dict[str, Any]], limit: int) -> tuple[list[dict[str, Any]], bool]:
        page = array(rows, limit)
        return decoded(page), page.more

    kept, more = fitting(rows, 200)
    assert more
    assert kept == rows[: len(kept)]
    assert ANSWER_BYTES - 3100 < sum(len(msgspec.json.encode(row)) for row in kept) <= ANSWER_BYTES
    assert fitting(rows[:3], 3) == (rows[:3], False)
    assert fitting(rows[:3], 2) == (rows[:2], True)
    assert fitting([{"name": "x" * 2 * ANSWER_BYTES}], 1)[0] != [], "at least one, or paging would stand still"


async def test_all_who_ask_at_once_get_the_same_bytes_but_for_their_own_reactions(store: Store) -> None:
    slow = SlowMessages(store)
    node = assembled(slow)
    await say(store, "hello", "hello")
    people = [user(f"m{n}") for n in range(20)]
    await store.append([draft(MemberJoined(role="member"), YARD, one.id, one.name) for one in people])
    asking = [asyncio.ensure_future(node.reading.history(one, YARD, None, None, 50)) for one in people]
    await eventually(lambda: slow.asked)
    slow.go.set()
    pages = await asyncio.gather(*asking)
    assert len({id(page.messages) for page in pages}) <= 2
    held = node.memory.held["answers"]
    assert held == sum(len(text) for text in {id(page.messages): page.messages for page in pages}.values())
    reaction = ReactionAdded(target=2, emoji="👍")
    await store.append([draft(reaction, YARD, one.id, one.name) for one in people[:2]])
    pages = await asyncio.gather(*(node.reading.history(one, YARD, None, None, 50) for one in people))
    assert [shown(page)[0].reactions for page in pages] == [{"👍": 2}] * 20
    assert [shown(page)[0].mine for page in pages] == [("👍",)] * 2 + [()] * 18
    assert len({id(page.messages) for page in pages}) <= 4
    del pages, asking
    await eventually(lambda: not node.memory.total)


async def test_a_page_waits_for_room_and_is_refused_without(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    node = assembled(store)
    await say(store, "hello")
    node.memory.take("tails", node.memory.limit)
    asking = asyncio.ensure_future(node.reading.history(OWNER, YARD, None, None, 50))
    await turns()
    assert not asking.done()
    node.memory.free("tails", node.memory.limit)
    assert [m.text for m in shown(await asking)] == ["hello"]
    monkeypatch.setattr(memory_module, "WAIT_S", memory_module.AGAIN_S)
    node.memory.take("tails", node.memory.limit)
    for read in reads(node, OWNER)[:2]:
        assert await code(read()) == "overloaded"


async def test_a_read_has_what_was_acked_before_it_was_asked(store: Store) -> None:
    """Though another device of the same user is just asking the same."""
    slow = SlowMessages(store)
    reading = assembled(slow).reading
    early = asyncio.ensure_future(reading.history(OWNER, YARD, None, None, 50))
    await eventually(lambda: slow.asked)
    await turns()
    await grow(store, 1)
    late = asyncio.ensure_future(reading.history(OWNER, YARD, None, None, 50))
    await turns()
    slow.go.set()
    await early
    assert [m.text for m in shown(await late)] == ["hello 0"]


async def test_pages_of_members_and_rooms_know_whether_there_are_more(store: Store) -> None:
    reading = assembled(store).reading
    await store.append([draft(MemberJoined(role="member"), YARD, f"u-{n:03}", f"N{n}") for n in range(5)])
    members = await reading.members(OWNER, YARD, "", 4)
    assert ([m["user"] for m in decoded(members)], members.more) == (["u-000", "u-001", "u-002", "u-003"], True)
    members = await reading.members(OWNER, YARD, "u-003", 4)
    assert ([m["user"] for m in decoded(members)], members.more) == (["u-004", OWNER.id], False)
    assert set(decoded(members)[0]) == {"user", "name", "role"}, "what others are shown, and no more"
    rooms = await reading.open_rooms(OWNER, "", 1)
    assert ([r["id"] for r in decoded(rooms)], rooms.more) == ([YARD], False)


async def test_the_probe_says_whether_the_storage_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await assembled(store).reading.probe()
    assert not await assembled(FailingPointers(store)).reading.probe()
    monkeypatch.setattr(module, "PROBE_S", 0.01)
    monkeypatch.setattr(module, "PROBED_S", 0.0)
    slow = SlowPointers(store)
    reading = assembled(slow).reading
    assert not await reading.probe()
    assert not await reading.probe()
    assert slow.asked == 1, "probes do not pile up on a storage that hangs"
    slow.go.set()
    assert await reading.probe()


# -- who reads, and what it costs --------------------------------------------------------------------------------------


def reads(node: Node, actor: Actor, **more: Any) -> list[Callable[[], Awaitable[object]]]:
    """Every read of a room."""
    reading = node.reading
    return [
        lambda: reading.history(actor, YARD, None, None, 50, **more),
        lambda: reading.pins(actor, YARD, **more),
        lambda: reading.members(actor, YARD, "", 50, **more),
        lambda: reading.online(actor, YARD, "", 50, **more),
    ]


async def code(work: Awaitable[object]) -> str:
    with pytest.raises(Refused) as refusal:
        await work
    return refusal.value.code


@pytest.mark.parametrize("followed", [False, True])
async def test_only_members_read_a_room(store: Store, followed: bool) -> None:
    """Whatever a door believes: who was kicked since is refused what was read."""
    node = assembled(store)
    for read in reads(node, user("mina"), followed=followed):
        assert await code(read()) == "not_found"
    for read in reads(node, OWNER, followed=followed):
        await read()
    for read in reads(node, Actor(id="key-1", name="Shop", server=True)):
        await read()


class KickedMeanwhile(Wrapped):
    """Ends the reader's membership while a page is read."""

    async def _kick(self) -> None:
        await self.inner.append([draft(MemberKicked(member=user("mina").id), YARD, OWNER.id, OWNER.name)])

    async def messages(self, *args: Any, **more: Any) -> Any:
        await self._kick()
        return await self.inner.messages(*args, **more)

    async def pins(self, *args: Any, **more: Any) -> Any:
        await self._kick()
        return await self.inner.pins(*args, **more)

    async def members(self, *args: Any, **more: Any) -> Any:
        await self._kick()
        return await self.inner.members(*args, **more)


@pytest.mark.parametrize("followed", [False, True])
@pytest.mark.parametrize("which", range(3))
async def test_who_is_kicked_while_a_page_is_read_does_not_get_it(store: Store, which: int, followed: bool) -> None:
    await store.append([draft(MemberJoined(role="member"), YARD, user("mina").id, "Mina")])
    assert await code(reads(assembled(KickedMeanwhile(store)), user("mina"), followed=followed)[which]()) == "not_found"


async def test_pages_are_paid_for_by_their_rows_and_by_nobody_who_is_refused(store: Store) -> None:
    rates = Rates(connection=Rate(0.001, 10))  # ten commands, or 200 rows
    node = assembled(store, rates)
    for read in [*reads(node, user("mina")), *reads(node, user("mina"))]:
        assert await code(read()) == "not_found", "who may not read pays for nothing"
    for read in [*reads(node, OWNER), lambda: node.reading.memberships(OWNER, "", 20)]:
        await read()
    await node.reading.open_rooms(OWNER, "", 19)
    for read in [
        *reads(node, OWNER),
        lambda: node.reading.memberships(OWNER, "", 50),
        lambda: node.reading.open_rooms(OWNER, "", 50),
    ]:
        assert await code(read()) == "rate_limited"
    for read in reads(node, OWNER, bucket=Bucket()):
        await read()  # a connection has a bucket of its own
    shop = Actor(id="key-1", name="Shop", server=True)
    for read in [*reads(node, shop) * 5, lambda: node.reading.open_rooms(shop, "", 200)]:
        await read()


async def test_a_newcomer_does_not_wait_for_pages_of_others(store: Store) -> None:
    """However many repeat the dearest page: a join reads beside them, and the newcomer's own page is in the next turn."""
    slow = SlowMessages(store)
    node = assembled(slow)
    flooders = [user(f"flooder-{n}") for n in range(20)]
    for each in [*flooders, user("mina")]:
        await store.append([draft(MemberJoined(role="member"), YARD, each.id, each.name)])
    pages = [
        asyncio.ensure_future(node.reading.history(each, YARD, None, None, 5 * n + limit, followed=True))
        for n, each in enumerate(flooders)
        for limit in range(1, 6)
    ]
    await eventually(lambda: slow.asked == 2)
    assert (await node.rooms.member(user("mina"), YARD)).role == "member"
    assert await node.hub.open(YARD) is not None, "while all pages of the others wait"
    assert slow.asked == 2
    slow.go.set()
    await asyncio.gather(*pages)
    assert slow.asked == 100


async def test_pages_that_wait_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGES_WAITING", 3)
    slow = SlowMessages(store)
    reading = assembled(slow).reading
    pages = [asyncio.ensure_future(reading.history(OWNER, YARD, None, None, n, followed=True)) for n in range(1, 6)]
    await eventually(lambda: slow.asked == 2)
    with pytest.raises(Limited) as refused:
        await reading.history(OWNER, YARD, None, None, 9, followed=True)
    assert (refused.value.code, refused.value.retry_ms > 0) == ("overloaded", True)
    slow.go.set()
    await asyncio.gather(*pages)
