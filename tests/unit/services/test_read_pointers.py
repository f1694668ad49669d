"""Read pointers never fall and never pass the room, whoever moves them; what moved is told, and nothing else; none is lost."""

import asyncio

import msgspec
import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import MessageSent, draft
from madang.core.rooms import Membership
from madang.delivery import ephemeral
from madang.delivery import room as live_room
from madang.delivery.subscription import Subscription
from madang.errors import Refused, StorageFailed
from madang.ports.bus import Signal
from madang.services import read_pointers as module
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.delivery.subscribers import RecordingSubscriber
from tests.unit.services.assembled import assembled
from tests.unit.services.wrapped import FailingPointers, SlowPointers
from tests.waiting import eventually, turns

YARD = "yard"


async def grow(store: Store, count: int) -> None:
    said = [MessageSent(text=f"hello {n}") for n in range(count)]
    await store.append([draft(body, YARD, "key-1", "Shop", server=True) for body in said])


async def pointer(store: Store) -> int:
    member = await store.member(YARD, OWNER.id)
    assert member is not None
    return member.read_seq


async def live(store: object, size: int = 0) -> Node:
    """A node on which the yard is live, behind `size` messages."""
    await grow(store, size)  # type: ignore[arg-type]
    node = assembled(store)
    assert await node.hub.open(YARD) is not None
    return node


def told(node: Node) -> dict[str, int]:
    return dict(node.hub.rooms[YARD].readers)


# -- where a pointer is -----------------------------------------------------------------------------------------------


async def test_a_pointer_never_falls(store: Store) -> None:
    node = await live(store, 20)
    pointers = node.read_pointers
    assert [pointers.mark(YARD, OWNER.id, seq, 1) for seq in (5, 12, 3, 9)] == [5, 12, 12, 12]
    await pointers.flush()
    assert await pointer(store) == 12
    assert pointers.mark(YARD, OWNER.id, 7, 1) == 12, "though nothing waits any more, and the caller knows an old one"
    assert pointers.waiting == 0
    await pointers.flush()
    assert await pointer(store) == 12


async def test_a_pointer_never_passes_the_room(store: Store) -> None:
    node = await live(store, 3)
    assert node.read_pointers.mark(YARD, OWNER.id, 10**6, 1) == 4
    assert await node.read_pointers.move(OWNER, YARD, 10**6) == 4
    assert await pointer(store) == 4


async def test_only_what_moves_a_pointer_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    node = await live(store, 20)
    said: list[int] = []

    def announce(signal: Signal) -> None:
        said.append(int(signal.value))
        node.hub.ephemeral.receive(signal)

    monkeypatch.setattr(node.hub, "announce", announce)
    for seq in (8, 2, 8, 12, 10**6):
        node.read_pointers.mark(YARD, OWNER.id, seq, 1)
    assert await node.read_pointers.move(OWNER, YARD, 4) == 21
    assert said == [8, 12, 21]
    assert told(node) == {OWNER.id: 21}


async def test_what_the_caller_knows_counts(store: Store) -> None:
    node = await live(store, 20)
    assert node.read_pointers.mark(YARD, OWNER.id, 7, 9) == 9
    assert (node.read_pointers.waiting, told(node)) == (0, {})


async def test_what_another_node_told_counts(store: Store) -> None:
    node = await live(store, 20)
    node.hub.ephemeral.receive(ephemeral.read(YARD, OWNER.id, 9))
    assert node.read_pointers.mark(YARD, OWNER.id, 7, 1) == 9
    assert node.read_pointers.waiting == 0


# -- by a request ------------------------------------------------------------------------------------------------------


async def test_a_request_is_answered_with_what_is_written(store: Store) -> None:
    node = await live(store, 20)
    pointers = node.read_pointers
    assert await pointers.move(OWNER, YARD, 7) == 7
    assert (await pointer(store), pointers.waiting) == (7, 0)
    assert await pointers.move(OWNER, YARD, 4) == 7
    pointers.mark(YARD, OWNER.id, 9, 1)
    assert await pointers.move(OWNER, YARD, 8) == 9, "another device moved it, and that waits to be written"


async def test_a_request_opens_the_room_for_members_only(store: Store) -> None:
    node = assembled(store)
    for room in (YARD, "missing"):
        with pytest.raises(Refused) as refused:
            await node.read_pointers.move(user("mina"), room, 1)
        assert refused.value.code == "not_found"
    assert not node.hub.rooms
    assert await node.read_pointers.move(OWNER, YARD, 1) == 1, "joining has read what was there"


async def test_a_request_on_another_node_knows_what_a_request_moved(store: Store) -> None:
    one, another = await live(store, 20), assembled(store)
    assert await one.read_pointers.move(OWNER, YARD, 7) == 7
    assert await another.read_pointers.move(OWNER, YARD, 4) == 7
    assert told(another) == {}


async def test_a_server_key_that_is_no_member_has_no_pointer(store: Store) -> None:
    node = await live(store, 20)
    assert await node.read_pointers.move(Actor(id="key-1", name="Shop", server=True), YARD, 7) == 0
    assert (node.read_pointers.waiting, told(node)) == (0, {})


# -- kept until they are written ---------------------------------------------------------------------------------------


async def test_unread_counts_what_was_just_marked(store: Store) -> None:
    node = await live(store, 9)
    node.read_pointers.mark(YARD, OWNER.id, 7, 1)
    (room,) = msgspec.json.decode((await node.reading.memberships(OWNER, "", 10)).text, type=list[Membership])
    assert (room.seq, room.read_seq, room.unread) == (10, 7, 3)


async def test_a_list_of_rooms_writes_nothing_and_waits_for_no_write(store: Store) -> None:
    """Neither for the asker's own pointers nor for anybody else's: what waits or is being written is shown as it is."""
    slow = SlowPointers(store)
    node = await live(slow, 9)
    node.read_pointers.mark(YARD, OWNER.id, 5, 1)
    (room,) = msgspec.json.decode((await node.reading.memberships(OWNER, "", 10)).text, type=list[Membership])
    assert (room.read_seq, room.unread, slow.asked) == (5, 5, 0)
    writing = asyncio.ensure_future(node.read_pointers.flush())
    await eventually(lambda: slow.asked)
    (room,) = msgspec.json.decode((await node.reading.memberships(OWNER, "", 10)).text, type=list[Membership])
    assert (room.read_seq, room.unread) == (5, 5), "while it is being written"
    assert node.read_pointers.mark(YARD, OWNER.id, 3, 1) == 5
    node.read_pointers.mark(YARD, OWNER.id, 7, 1)
    (room,) = msgspec.json.decode((await node.reading.memberships(OWNER, "", 10)).text, type=list[Membership])
    assert (room.read_seq, room.unread, slow.asked) == (7, 3, 1)
    slow.go.set()
    await writing
    assert node.read_pointers.unwritten(OWNER.id) == {YARD: 7}
    await node.read_pointers.flush()
    assert (node.read_pointers.unwritten(OWNER.id), await pointer(store)) == ({}, 7)


async def test_what_another_node_told_is_shown_before_it_is_written(store: Store) -> None:
    node = await live(store, 9)
    node.hub.ephemeral.receive(ephemeral.read(YARD, OWNER.id, 6))
    (room,) = msgspec.json.decode((await node.reading.memberships(OWNER, "", 10)).text, type=list[Membership])
    assert (room.read_seq, room.unread) == (6, 4)
    assert node.read_pointers.current(YARD, OWNER.id, 1) == 6


async def test_many_requests_share_a_few_writes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at once, and whatever they are told has been written."""
    counting = FailingPointers(store)
    counting.failures = 0
    node = await live(counting, 60)
    moved = await asyncio.gather(*(node.read_pointers.move(OWNER, YARD, seq) for seq in range(2, 52)))
    assert max(moved) == 51 == await pointer(store)
    assert counting.asked <= 3


async def test_followers_pointers_are_not_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A room knows that many pointers; those of its followers stay, or they would fall in the others' eyes."""
    monkeypatch.setattr(live_room, "READERS", 10)
    node = await live(store, 9)
    room = node.hub.rooms[YARD]
    followers = [
        Subscription(RecordingSubscriber(node.hub, node.turns), f"f-{n}", "F", "member", room.sealed, 1)
        for n in range(3)
    ]
    for follower in followers:
        room.put_behind(follower)
        assert room.has_read(follower.user, 8)
    for n in range(100):
        room.has_read(f"u-{n}", 8)
    assert len(room.readers) <= 3 + 10 + 10
    assert not any(room.has_read(follower.user, 5) for follower in followers)
    assert not room.has_read("u-99", 5), "nor those that moved last"


@pytest.mark.parametrize("error", [StorageFailed(), OSError("what nobody expected")])
async def test_pointers_outlive_a_storage_that_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.001)
    failing = FailingPointers(store)
    failing.error = error
    pointers = (await live(failing, 20)).read_pointers
    running = asyncio.ensure_future(pointers.run())
    pointers.mark(YARD, OWNER.id, 12, 1)
    await eventually(lambda: failing.asked)
    pointers.mark(YARD, OWNER.id, 9, 1)
    await eventually(lambda: failing.asked > 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await pointers.flush()
    assert await pointer(store) == 12


async def test_pointers_are_written_at_once_when_there_are_too_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POINTERS", 10)
    monkeypatch.setattr(module, "FLUSH_S", 3600.0)
    counting = FailingPointers(store)
    counting.failures = 0
    pointers = (await live(counting)).read_pointers
    running = asyncio.ensure_future(pointers.run())
    pointers.mark(YARD, "u-0", 1, 0)
    await turns()
    assert counting.asked == 0
    for n in range(1, 11):
        pointers.mark(YARD, f"u-{n}", 1, 0)
    await eventually(lambda: counting.asked)
    await eventually(lambda: not pointers.waiting)
    running.cancel()


async def test_pointers_are_bounded_when_they_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTERS", 10)
    slow = SlowPointers(store)
    node = await live(slow)
    pointers = node.read_pointers
    for n in range(10):
        pointers.mark(YARD, f"u-{n}", 1, 0)
    writing = asyncio.ensure_future(pointers.flush())
    await eventually(lambda: slow.asked)
    for n in range(100):
        assert pointers.mark(YARD, f"v-{n}", 1, 0) == (1 if n < 10 else 0), "what is not kept has not moved"
    assert pointers.waiting <= 10
    assert "v-99" not in told(node)
    slow.go.set()
    await writing


async def test_a_request_whose_pointer_is_not_written_says_so_and_it_is_kept(store: Store) -> None:
    failing = FailingPointers(store)
    failing.error = StorageFailed()
    failing.failures = 1
    pointers = (await live(failing, 20)).read_pointers
    with pytest.raises(StorageFailed):
        await pointers.move(OWNER, YARD, 12)
    assert await pointers.move(OWNER, YARD, 12) == 12
    assert await pointers.flush()
    assert await pointer(store) == 12
