"""Group commit: nothing lost, nothing answered twice, and rooms in order, whatever the storage does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from madang.adapters.sql import Store
from madang.core.events import (
    Appended,
    Draft,
    Event,
    MemberJoined,
    MemberLeft,
    MessageSent,
    draft,
)
from madang.errors import Limited, MadangError, Refused, StorageFailed, StorageFull
from madang.services import appender as module
from madang.services.appender import BATCH
from tests.unit.delivery.nodes import OWNER
from tests.unit.services.appending import YARD, Gated, Heard, answered, message, rooms, running
from tests.waiting import PATIENCE_S, eventually, turns


async def test_pipelined_drafts_keep_their_order(store: Store) -> None:
    heard = Heard()
    async with running(store, heard) as appender:
        for n in range(2000):
            appender.submit(message(n), heard.reply, n)
        await answered(heard, 2000)
    assert [tag for tag, _ in heard.answers] == list(range(2000))
    assert [outcome.event.seq for _, outcome in heard.answers] == list(range(2, 2002))
    assert [e.seq for e in heard.events] == list(range(2, 2002))
    assert appender.statistics.stored == 2000
    assert max(i for i, count in enumerate(appender.statistics.batches) if count) == BATCH.bit_length() - 1


async def test_what_comes_during_a_commit_is_the_next_batch(store: Store) -> None:
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        appender.submit(message(0), heard.reply)
        await eventually(lambda: gated.batches)
        for n in range(1, 100):
            appender.submit(message(n), heard.reply)
        assert appender.waiting == 100
        gated.go.set()
        await answered(heard, 100)
    assert [len(batch) for batch in gated.batches] == [1, 99]
    assert appender.waiting == 0


async def test_a_room_stays_in_its_lane(store: Store) -> None:
    now: set[str] = set()

    class Lanes(Gated):
        async def append(self, drafts: Sequence[Draft]) -> Any:
            names = {d.room for d in drafts}
            assert not names & now, "two batches with one room at a time"
            now.update(names)
            await asyncio.sleep(0)
            outcomes = await super().append(drafts)
            now.difference_update(names)
            return outcomes

    names = [f"room-{n}" for n in range(20)]
    await rooms(store, *names)
    heard = Heard()
    async with running(Lanes(store, 4), heard) as appender:
        for n in range(50):
            for name in names:
                appender.submit(message(n, name), heard.reply, (name, n))
            await turns(1)
        await answered(heard, 1000)
    for name in names:
        seqs = [outcome.event.seq for (room, _), outcome in heard.answers if room == name]
        assert seqs == list(range(2, 52))


async def test_too_many_are_refused_and_not_queued(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING", 10)
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        appender.submit(message(0), heard.reply)
        await eventually(lambda: gated.batches)
        for n in range(10):
            appender.submit(message(n), heard.reply)
        with pytest.raises(Limited) as refused:
            appender.submit(message(99), heard.reply)
        assert (refused.value.code, refused.value.retry_ms > 0) == ("overloaded", True)
        assert (appender.waiting, appender.statistics.overloaded) == (11, 1)
        gated.go.set()
        await answered(heard, 11)
        appender.submit(message(99), heard.reply)
        await answered(heard, 12)
    assert not any(isinstance(outcome, MadangError) for _, outcome in heard.answers)


async def test_large_ones_are_refused_by_their_bytes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    large = draft(MessageSent(text="x" * 4000), YARD, OWNER.id, OWNER.name)
    monkeypatch.setattr(module, "WAITING_BYTES", 10 * len(large.body))
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        for _ in range(2):
            appender.submit(message(0), heard.reply)
            await eventually(lambda: gated.batches)
            for _ in range(10):
                appender.submit(large, heard.reply)
            with pytest.raises(Limited):
                appender.submit(large, heard.reply)
            gated.go.set()
            await eventually(lambda: not appender.waiting)
            gated.go.clear()
            gated.batches.clear()


class Failing(Gated):
    """Fails the first batches; as `stored` says, before or after they are in the log."""

    def __init__(self, inner: Any, error: Exception, stored: bool) -> None:
        super().__init__(inner)
        self.error = error
        self.stored = stored
        self.failures = 1

    async def append(self, drafts: Sequence[Draft]) -> Any:
        if self.failures and not self.stored:
            self.failures -= 1
            raise self.error
        outcomes = await super().append(drafts)
        if self.failures:
            self.failures -= 1
            raise self.error
        return outcomes


@pytest.mark.parametrize(
    ("error", "code", "checks"),
    [
        (StorageFull(), "storage_full", False),
        (StorageFailed(), "storage_failed", True),
        (ValueError("what nobody expected"), "internal", True),
    ],
    ids=["full", "failed", "unexpected"],
)
@pytest.mark.parametrize("stored", [False, True])
async def test_a_failing_storage_answers_everybody_and_loses_nobody(
    store: Store, error: Exception, code: str, checks: bool, stored: bool
) -> None:
    log, heard = Failing(store, error, stored), Heard()
    drafts = [message(n, cid=f"c-{n}") for n in range(20)]
    async with running(log, heard) as appender:
        for n, each in enumerate(drafts):
            appender.submit(each, heard.reply, n)
        await answered(heard, 20)
        assert [(tag, outcome.code) for tag, outcome in heard.answers] == [(n, code) for n in range(20)]
        assert heard.events == []
        assert (heard.checks > 0) is checks, "somebody has to look at what is in the log"
        assert appender.statistics.failed == 20
        for n, each in enumerate(drafts):
            appender.submit(each, heard.reply, n)
        await answered(heard, 40)
    again = [outcome for _, outcome in heard.answers[20:]]
    assert [(o.event.seq, o.duplicate) for o in again] == [(n + 2, stored) for n in range(20)]
    assert len(await store.read(YARD, 1, 100)) == 20


async def test_answers_of_the_wrong_number_are_nobodys(store: Store) -> None:
    class Short(Gated):
        async def append(self, drafts: Sequence[Draft]) -> Any:
            outcomes = await super().append(drafts)
            return outcomes[1:] if len(self.batches) == 1 else outcomes

    heard = Heard()
    async with running(Short(store), heard) as appender:
        for n in range(3):
            appender.submit(message(n), heard.reply, n)
        await answered(heard, 3)
        assert [outcome.code for _, outcome in heard.answers] == ["internal"] * 3
        appender.submit(message(4), heard.reply, 4)
        await answered(heard, 4)
        assert isinstance(heard.answers[3][1], Appended)


async def test_only_what_is_new_is_handed_on(store: Store) -> None:
    heard = Heard()
    async with running(store, heard) as appender:
        first = await appender.append(message(1, cid="c-1"))
        again = await appender.append(message(1, cid="c-1"))
        assert first is not None
        assert again is not None
        assert (again.duplicate, again.event) == (True, first.event)
        with pytest.raises(Refused, match="cid") as refused:
            await appender.append(message(2, cid="c-1"))
        assert refused.value.code == "conflict"
        assert await appender.append(draft(MemberJoined(role="member"), YARD, OWNER.id, OWNER.name)) is None
        with pytest.raises(Refused):
            await appender.append(draft(MemberLeft(), YARD, "u-nobody", "Nobody"))
    assert heard.events == [first.event]
    counted = appender.statistics
    assert (counted.stored, counted.duplicates, counted.refused, counted.unchanged) == (1, 1, 2, 1)


async def test_twins_in_one_batch_are_one_event(store: Store) -> None:
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n in range(3):
            appender.submit(message(1, cid="c-1"), heard.reply, n)
        gated.go.set()
        await answered(heard, 3)
    assert [outcome.duplicate for _, outcome in heard.answers] == [False, True, True]
    assert {outcome.event.seq for _, outcome in heard.answers} == {2}
    assert len(heard.events) == 1


async def test_senders_are_acked_before_anybody_is_told(store: Store) -> None:
    heard = Heard()
    async with running(store, heard) as appender:
        for n in range(5):
            appender.submit(message(n), heard.reply)
        await answered(heard, 5)
        await eventually(lambda: heard.events)
    assert heard.order == ["answer"] * 5 + ["committed"]


async def test_a_reply_that_fails_harms_nobody(store: Store) -> None:
    heard = Heard()

    def broken(tag: Any, outcome: Any) -> None:
        raise ValueError

    async with running(store, heard) as appender:
        for n in range(9):
            appender.submit(message(n), broken if n % 3 == 0 else heard.reply, n)
        await answered(heard, 6)
        await eventually(lambda: len(heard.events) == 9)
    assert [tag for tag, _ in heard.answers] == [1, 2, 4, 5, 7, 8]


async def test_a_hand_over_that_fails_harms_nobody_and_is_looked_after(store: Store) -> None:
    heard = Heard()
    sound: Callable[[Sequence[Event]], None] = heard.committed
    broken = True

    def committed(events: Sequence[Event]) -> None:
        if broken:
            raise ValueError
        sound(events)

    heard.committed = committed  # type: ignore[method-assign]
    async with running(store, heard) as appender:
        await appender.append(message(1))
        assert heard.checks == 1
        broken = False
        await appender.append(message(2))
    assert [e.seq for e in heard.events] == [3]


async def test_who_stops_waiting_has_sent_all_the_same(store: Store) -> None:
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        sending = asyncio.ensure_future(appender.append(message(1)))
        await eventually(lambda: gated.batches)
        sending.cancel()
        gated.go.set()
        await eventually(lambda: heard.events)
    assert heard.events[0].seq == 2


# -- the end -----------------------------------------------------------------------------------------------------------


async def test_drain_waits_for_what_was_taken_and_takes_no_more(store: Store) -> None:
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n in range(BATCH + 50):
            appender.submit(message(n), heard.reply, n)
        draining = asyncio.ensure_future(appender.drain())
        await eventually(lambda: gated.batches)
        with pytest.raises(Refused) as refused:
            appender.submit(message(0), heard.reply)
        assert refused.value.code == "draining"
        assert not draining.done()
        gated.go.set()
        await draining
        assert len(heard.answers) == len(heard.events) == BATCH + 50


async def test_drain_waits_for_what_was_taken_in_the_same_breath(store: Store) -> None:
    heard = Heard()
    async with running(store, heard) as appender:
        await turns()
        appender.submit(message(1), heard.reply)
        await appender.drain()
        assert len(heard.answers) == 1


async def test_an_idle_drain_is_over_at_once(store: Store) -> None:
    async with running(store, Heard()) as appender:
        await turns()
        await asyncio.wait_for(appender.drain(), PATIENCE_S)


async def test_every_lane_is_drained(store: Store) -> None:
    names = [f"room-{n}" for n in range(20)]
    await rooms(store, *names)
    gated, heard = Gated(store, 4), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        for name in names:
            appender.submit(message(1, name), heard.reply)
        draining = asyncio.ensure_future(appender.drain())
        await turns()
        assert not draining.done()
        gated.go.set()
        await draining
        assert len(heard.answers) == 20
