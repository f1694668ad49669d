"""Equal reads are made once and are never older than the question; read pointers never fall and are not lost."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from madang.adapters.sql import Store
from madang.core.events import MemberJoined, MessageSent, draft
from madang.errors import Refused, StorageFailed
from madang.services import reading as module
from madang.services.reading import Reading
from tests.unit.delivery.nodes import OWNER
from tests.unit.services.wrapped import Wrapped
from tests.waiting import eventually, turns

YARD = "yard"


async def grow(store: Store, count: int) -> None:
    await store.append([draft(MessageSent(text=f"hello {n}"), YARD, OWNER.id, OWNER.name) for n in range(count)])


async def pointer(store: Store, user: str = OWNER.id) -> int:
    member = await store.member(YARD, user)
    assert member is not None
    return member.read_seq


class SlowMessages(Wrapped):
    async def messages(self, *args: Any, **more: Any) -> Any:
        self.asked += 1
        page = await self.inner.messages(*args, **more)
        await self.go.wait()
        return page


async def test_history_pages_both_ways(store: Store) -> None:
    reading = Reading(store, store)
    await grow(store, 10)
    newest = await reading.history(YARD, OWNER.id, None, None, 4)
    assert ([m.seq for m in newest.messages], newest.more) == ([8, 9, 10, 11], True)
    before = await reading.history(YARD, OWNER.id, 8, None, 100)
    assert ([m.seq for m in before.messages], before.more) == ([2, 3, 4, 5, 6, 7], False)
    after = await reading.history(YARD, OWNER.id, None, 9, 100)
    assert ([m.seq for m in after.messages], after.more) == ([10, 11], False)
    with pytest.raises(Refused, match="only one"):
        await reading.history(YARD, OWNER.id, 8, 2, 10)


async def test_equal_reads_at_one_time_are_made_once(store: Store) -> None:
    slow = SlowMessages(store)
    reading = Reading(slow, store)
    asking = [asyncio.ensure_future(reading.history(YARD, OWNER.id, None, None, 50)) for _ in range(100)]
    await eventually(lambda: slow.asked)
    slow.go.set()
    await asyncio.gather(*asking)
    assert slow.asked == 2, "the first one's, and one for all who came while it was under way"


async def test_a_read_has_what_was_acked_before_it_was_asked(store: Store) -> None:
    """Though another device of the same user is just asking the same."""
    slow = SlowMessages(store)
    reading = Reading(slow, store)
    early = asyncio.ensure_future(reading.history(YARD, OWNER.id, None, None, 50))
    await eventually(lambda: slow.asked)
    await turns()
    await grow(store, 1)
    late = asyncio.ensure_future(reading.history(YARD, OWNER.id, None, None, 50))
    await turns()
    slow.go.set()
    await early
    assert [m.text for m in (await late).messages] == ["hello 0"]


async def test_pages_of_members_and_rooms_know_whether_there_are_more(store: Store) -> None:
    reading = Reading(store, store)
    await store.append([draft(MemberJoined(role="member"), YARD, f"u-{n:03}", f"N{n}") for n in range(5)])
    members, more = await reading.members(YARD, "", 4)
    assert ([m.user for m in members], more) == (["u-000", "u-001", "u-002", "u-003"], True)
    members, more = await reading.members(YARD, "u-003", 4)
    assert ([m.user for m in members], more) == (["u-004", OWNER.id], False)
    rooms, more = await reading.open_rooms("", 1)
    assert ([r.id for r in rooms], more) == ([YARD], False)


# -- pointers ----------------------------------------------------------------------------------------------------------


async def test_a_pointer_never_falls(store: Store) -> None:
    reading = Reading(store, store)
    await grow(store, 20)
    for seq in (5, 12, 3, 9):
        reading.mark(YARD, OWNER.id, seq)
    await reading.flush()
    assert await pointer(store) == 12
    reading.mark(YARD, OWNER.id, 7)
    await reading.flush()
    assert await pointer(store) == 12


async def test_a_pointer_never_passes_the_room(store: Store) -> None:
    reading = Reading(store, store)
    reading.mark(YARD, OWNER.id, 10**6)
    await reading.flush()
    assert await pointer(store) == 1


async def test_unread_counts_what_was_just_marked(store: Store) -> None:
    reading = Reading(store, store)
    await grow(store, 9)
    reading.mark(YARD, OWNER.id, 7)
    (room,), _ = await reading.memberships(OWNER.id, "", 10)
    assert (room.seq, room.read_seq, room.unread) == (10, 7, 3)


class SlowPointers(Wrapped):
    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        self.asked += 1
        await self.go.wait()
        await self.inner.set_read(pointers)


async def test_unread_counts_what_is_just_being_written(store: Store) -> None:
    slow = SlowPointers(store)
    reading = Reading(store, slow)
    await grow(store, 9)
    reading.mark(YARD, OWNER.id, 7)
    writing = asyncio.ensure_future(reading.flush())
    await eventually(lambda: slow.asked)
    asking = asyncio.ensure_future(reading.memberships(OWNER.id, "", 10))
    await turns(100)
    slow.go.set()
    (room,), _ = await asking
    assert room.unread == 3
    await writing


class FailingPointers(Wrapped):
    failures = 1
    error: Exception = StorageFailed()

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        self.asked += 1
        if self.failures:
            self.failures -= 1
            raise self.error
        await self.inner.set_read(pointers)


@pytest.mark.parametrize("error", [StorageFailed(), OSError("what nobody expected")])
async def test_pointers_outlive_a_storage_that_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.001)
    failing = FailingPointers(store)
    failing.error = error
    reading = Reading(store, failing)
    await grow(store, 20)
    running = asyncio.ensure_future(reading.run())
    reading.mark(YARD, OWNER.id, 12)
    await eventually(lambda: failing.asked)
    reading.mark(YARD, OWNER.id, 9)
    await eventually(lambda: failing.asked > 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await reading.flush()
    assert await pointer(store) == 12


async def test_pointers_are_written_at_once_when_there_are_too_many(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POINTERS", 10)
    monkeypatch.setattr(module, "FLUSH_S", 3600.0)
    counting = FailingPointers(store)
    counting.failures = 0
    reading = Reading(store, counting)
    running = asyncio.ensure_future(reading.run())
    reading.mark(YARD, "u-0", 1)
    await turns()
    assert counting.asked == 0
    for n in range(1, 11):
        reading.mark(YARD, f"u-{n}", 1)
    await eventually(lambda: counting.asked)
    await eventually(lambda: not reading.waiting)
    running.cancel()


async def test_pointers_are_bounded_when_they_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POINTERS", 10)
    slow = SlowPointers(store)
    reading = Reading(store, slow)
    for n in range(10):
        reading.mark(YARD, f"u-{n}", 1)
    writing = asyncio.ensure_future(reading.flush())
    await eventually(lambda: slow.asked)
    for n in range(100):
        reading.mark(YARD, f"v-{n}", 1)
    assert reading.waiting <= 10
    slow.go.set()
    await writing


async def test_the_probe_says_whether_the_storage_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Reading(store, store).probe()
    assert not await Reading(store, FailingPointers(store)).probe()
    monkeypatch.setattr(module, "PROBE_S", 0.01)
    slow = SlowPointers(store)
    reading = Reading(store, slow)
    assert not await reading.probe()
    assert not await reading.probe()
    assert slow.asked == 1, "probes do not pile up on a storage that hangs"
    slow.go.set()
    assert await reading.probe()
