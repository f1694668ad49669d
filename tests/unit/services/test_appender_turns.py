"""Who is committed when: rooms, people and bulk have their shares, and what takes long keeps no message waiting."""

import math
from collections.abc import Sequence

import pytest

from madang.adapters.sql import Store
from madang.core.events import Draft, MemberJoined, MessageSent, RoomChanged, draft
from madang.errors import Limited
from madang.services import appender as module
from madang.services.appender import BATCH, OTHERS, OTHERS_BETWEEN, QUICK
from tests.unit.delivery.nodes import OWNER
from tests.unit.services.appending import YARD, Gated, Heard, answered, message, rooms, running
from tests.waiting import eventually


@pytest.mark.parametrize("lanes", [1, 4])
async def test_a_full_room_leaves_the_others_their_share(store: Store, lanes: int) -> None:
    gated, heard = Gated(store, lanes), Heard()
    quiet = [f"quiet-{n}" for n in range(10)]
    await rooms(store, "full", *quiet)
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n in range(BATCH * 10):
            appender.submit(message(n, "full"), heard.reply, ("full", n))
        for room in quiet:
            for n in range(3):
                appender.submit(message(n, room), heard.reply, (room, n))
        await eventually(lambda: gated.batches)
        gated.batches.clear()
        gated.go.set()
        await answered(heard, BATCH * 10 + 30)
    after = [tag for tag, _ in heard.answers[: BATCH * 3 * lanes]]
    assert all((room, n) in after for room in quiet for n in range(3)), "they waited for two batches at most"
    for room in ["full", *quiet]:
        numbers = [n for (r, n), _ in heard.answers if r == room]
        assert numbers == sorted(numbers), "and every room in order"
    assert all(len(batch) <= BATCH for batch in gated.batches)


def change(n: int, room: str) -> Draft:
    return draft(RoomChanged(title=f"{room} {n}"), room, OWNER.id, OWNER.name)


def slow(batch: Sequence[Draft]) -> int:
    """Return how many drafts are not messages."""
    return sum(d.type != MessageSent.type for d in batch)


async def test_what_takes_long_comes_a_few_at_a_time_and_takes_turns_with_messages(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BETWEEN_S", math.inf)
    gated, heard = Gated(store), Heard()
    await rooms(store, "full", "other")
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n in range(200):
            appender.submit(change(n, "full") if n % 4 else message(n, "full"), heard.reply, ("full", n))
        for n in range(20):
            appender.submit(change(n, "other"), heard.reply, ("other", n))
        for n in range(3):
            appender.submit(message(n), heard.reply, (YARD, n))
        await eventually(lambda: gated.batches)
        gated.batches.clear()
        gated.go.set()
        await answered(heard, 223)
        assert appender.waiting == 0
    assert all(slow(batch) in (0, len(batch)) for batch in gated.batches), "a message is in no batch that takes long"
    assert max(map(slow, gated.batches)) == OTHERS_BETWEEN
    assert [room for (room, _), _ in heard.answers[:10]].count(YARD) == 3, "others hardly wait"
    assert [room for (room, _), _ in heard.answers[:50]].count("other") >= 10, "rooms take turns"
    for room, count in (("full", 200), ("other", 20)):
        assert [n for (r, n), _ in heard.answers if r == room] == list(range(count))


async def test_where_no_messages_are_sent_more_of_the_rest_comes_at_a_time(store: Store) -> None:
    gated, heard = Gated(store), Heard()
    await rooms(store, "full")
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n in range(50):
            appender.submit(change(n, "full"), heard.reply, n)
        await eventually(lambda: gated.batches)
        gated.go.set()
        await answered(heard, 50)
    assert [n for n, _ in heard.answers] == list(range(50))
    assert max(map(len, gated.batches)) == OTHERS


def newcomer(n: int, *, server: bool = False) -> Draft:
    return draft(MemberJoined(role="member"), YARD, f"user-{server}-{n}", "Mina", server=server, added=server)


async def test_new_members_come_many_at_a_time_and_the_rest_has_its_share(store: Store) -> None:
    """A key that puts many thousands into a room leaves people most of each batch, and what takes long counts as QUICK of them."""
    gated, heard = Gated(store), Heard()
    await rooms(store, YARD, "full")
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n in range(OTHERS * QUICK * 3):
            appender.submit(newcomer(n, server=True), heard.reply, ("bulk", n))
        await eventually(lambda: gated.batches)
        gated.batches.clear()
        for n in range(OTHERS * QUICK):
            appender.submit(newcomer(n), heard.reply, ("people", n))
        appender.submit(change(0, "full"), heard.reply, ("full", 0))
        gated.go.set()
        await answered(heard, OTHERS * QUICK * 4 + 1)
    costs = [sum(QUICK if d.type == RoomChanged.type else 1 for d in batch) for batch in gated.batches]
    assert max(costs) == OTHERS * QUICK
    first = gated.batches[0]
    assert (sum(d.server for d in first), sum(d.type == RoomChanged.type for d in first)) == (QUICK, 1)
    for who in ("bulk", "people"):
        numbers = [n for (line, n), _ in heard.answers if line == who]
        assert numbers == sorted(numbers)


async def test_bulk_leaves_people_most_of_every_batch(store: Store) -> None:
    """Behind a mass send into as many rooms as can wait, a message waits for the batch under way and is in the next."""
    gated, heard = Gated(store), Heard()
    names = [f"shop-{n}" for n in range(BATCH * 4)]
    await rooms(store, YARD, *names)
    gated.go.clear()
    async with running(gated, heard) as appender:
        for n, room in enumerate(names):
            said = draft(MessageSent(text="sale"), room, "key-1", "Shop", server=True)
            appender.submit(said, heard.reply, ("bulk", n))
        await eventually(lambda: gated.batches)
        for n in range(BATCH * 2):
            appender.submit(message(n), heard.reply, ("people", n))
        gated.batches.clear()
        gated.go.set()
        await answered(heard, BATCH * 6)
    assert [sum(not d.server for d in batch) for batch in gated.batches[:2]] == [BATCH - BATCH // 4] * 2
    assert all(sum(d.server for d in batch) >= BATCH // 4 for batch in gated.batches[:-1]), "and bulk goes on"
    for who in ("bulk", "people"):
        numbers = [n for (line, n), _ in heard.answers if line == who]
        assert numbers == sorted(numbers)


async def test_a_full_line_refuses_nobody_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bulk refuses bulk, and a room that has filled its line refuses itself, up to the bound of all."""
    monkeypatch.setattr(module, "WAITING", 10)
    gated, heard = Gated(store), Heard()
    gated.go.clear()
    async with running(gated, heard) as appender:
        appender.submit(message(0), heard.reply)
        await eventually(lambda: gated.batches)
        bulk = draft(MessageSent(text="sale"), YARD, "key-1", "Shop", server=True)
        for line in (bulk, message(1)):
            for _ in range(10):
                appender.submit(line, heard.reply)
            with pytest.raises(Limited):
                appender.submit(line, heard.reply)
        for n in range(10):
            appender.submit(message(n, f"quiet-{n}"), heard.reply)
        with pytest.raises(Limited):
            appender.submit(message(0, "one too many"), heard.reply)
        assert (appender.waiting, appender.statistics.overloaded) == (31, 3)
        gated.go.set()
        await answered(heard, 31)
