"""Following: a search index is led through the log of a real store, by one node and by several, and finds what a scan finds."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang.adapters.sql import Store
from madang.adapters.sql.search.sqlite import SqliteIndex, open_index
from madang.aio import cancelled
from madang.core import events as kinds
from madang.core.events import Appended, Body, Event, draft
from madang.core.search import parsed
from madang.errors import StorageFailed
from madang.ports.followers import Again, Position, Stretch
from madang.ports.search import Changes
from madang.services import following as following_service
from madang.services.following import Following
from madang.services.indexing import Indexing, epoch_of
from madang.services.papers import Unrendered
from madang.testing.search import found
from tests.stores import opened_store
from tests.waiting import eventually

ROOMS = ["r0", "r1", "r2"]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened_store(tmp_path) as store:
        for room in ROOMS:
            await append(store, room, kinds.RoomCreated(title="Room", access="open", slow_ms=0))
        yield store


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[SqliteIndex]:
    index = await open_index(tmp_path / "search.db")
    yield index
    await index.close()


async def append(store: Store, room: str, *bodies: Body) -> list[Event]:
    outcomes = await store.append([draft(body, room, "ann", "Ann") for body in bodies])
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
    return [outcome.event for outcome in outcomes if isinstance(outcome, Appended)]


def said(*texts: str) -> list[Body]:
    return [kinds.MessageSent(text=text) for text in texts]


class Rendered:
    """What papers say, by the seq of the event that finished them, as far as they are rendered."""

    def __init__(self) -> None:
        self.said: dict[int, str | None] = {}
        self.asked = 0

    async def searched(self, room: str, seq: int, paper: str) -> str | None:
        self.asked += 1
        if seq not in self.said:
            raise Unrendered
        return self.said[seq]


async def no_papers(room: str, seq: int, paper: str) -> str | None:
    return None


async def always() -> bool:
    return True


async def never() -> bool:
    return False


@asynccontextmanager
async def following(
    store: Store,
    index: SqliteIndex,
    *,
    sweeps: bool = False,
    leads: Callable[[], Awaitable[bool]] | None = None,
    busy: Callable[[], bool] = lambda: False,
) -> AsyncIterator[Following]:
    """A node's follower, that runs."""
    loop = asyncio.get_running_loop()
    part = Following(store, Indexing(index, no_papers), leads or (always if sweeps else never), busy, loop.time)
    tasks = [loop.create_task(part.run()), loop.create_task(part.sweep())]
    try:
        yield part
    finally:
        await cancelled(tasks)


async def texts(store: Store, index: SqliteIndex, q: str) -> list[str]:
    hits = await found(index, parsed(q), dict.fromkeys(ROOMS, 0))
    shown = {(m.room, m.seq): m.text for m in await store.messages_at([(hit.room, hit.seq) for hit in hits], "")}
    return [shown[hit.room, hit.seq] for hit in hits]


async def level(store: Store, index: SqliteIndex) -> bool:
    """Whether the index has come to the end of every room."""
    heads, positions = await store.heads(ROOMS), await index.positions(ROOMS)
    return all(room in positions and positions[room].upto == heads[room] for room in heads)


async def levelled(store: Store, index: SqliteIndex) -> None:
    while not await level(store, index):
        await asyncio.sleep(0.01)


async def test_who_comes_to_lead_sweeps_soon(store: Store, index: SqliteIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that was killed leads until its lease is over, and the one that is started in its place does not yet."""
    monkeypatch.setattr(following_service, "LOOK_S", 0.01)
    leads = iter([False] * 3)

    async def by_and_by() -> bool:
        return next(leads, True)

    await append(store, "r0", *said("hello"))
    async with following(store, index, leads=by_and_by):
        await levelled(store, index)


async def test_what_is_committed_is_found(store: Store, index: SqliteIndex) -> None:
    async with following(store, index) as part:
        events = await append(store, "r0", *said("회의 하나", "회의 둘", "일정"))
        part.committed(events)
        await levelled_rooms(store, index, "r0")
        assert await texts(store, index, "회의") == ["회의 둘", "회의 하나"]
        part.committed(await append(store, "r0", kinds.MessageEdited(target=events[0].seq, text="일정 둘")))
        part.committed(await append(store, "r0", kinds.MessageDeleted(target=events[2].seq)))
        await levelled_rooms(store, index, "r0")
        assert await texts(store, index, "일정") == ["일정 둘"]
        await eventually(lambda: part.lag == 0.0)
        assert {metric.value for metric in part.metrics()} >= {0.0, 6.0}


async def levelled_rooms(store: Store, index: SqliteIndex, room: str) -> None:
    head = (await store.heads([room]))[room]
    while (position := (await index.positions([room])).get(room)) is None or position.upto < head:
        await asyncio.sleep(0.01)


async def test_a_sweep_finds_what_no_mark_told(store: Store, index: SqliteIndex) -> None:
    for room in ROOMS:
        for _ in range(3):  # more than one stretch
            await append(store, room, *said(*(f"{room} 회의 {n}" for n in range(150))))
    async with following(store, index, sweeps=True):
        await levelled(store, index)
    assert len(await texts(store, index, "회의")) == 1_350


async def test_a_node_that_does_not_lead_does_not_sweep(store: Store, index: SqliteIndex) -> None:
    async with following(store, index) as part:
        part.committed(await append(store, "r1", *said("회의")))
        await levelled_rooms(store, index, "r1")
        assert list(await index.positions(ROOMS)) == ["r1"]


async def test_a_room_of_another_epoch_is_indexed_anew(store: Store, index: SqliteIndex) -> None:
    async with following(store, index, sweeps=True):
        await levelled(store, index)
    head = (await store.heads(["r0"]))["r0"]
    strange = Stretch(
        "r0", Position("strange", 0), [Event("r0", head, 1 << 40, "message.sent", "u", "U", 0, b'{"text":"stale"}')]
    )
    assert await Indexing(index, no_papers).take([strange]) == Again()
    assert len(await found(index, parsed("stale"), {"r0": 0})) == 1
    async with following(store, index, sweeps=True) as part:
        await eventually(lambda: part.swept > 0)
        tail = await store.tail("r0", 0)
        assert tail is not None
        while (await index.positions(["r0"]))["r0"] != Position(epoch_of(tail.epoch), head):
            await asyncio.sleep(0.01)
    assert await found(index, parsed("stale"), {"r0": 0}) == []


async def test_rooms_that_are_gone_are_forgotten(store: Store, index: SqliteIndex) -> None:
    async with following(store, index, sweeps=True) as part:
        await levelled(store, index)
        part.committed(await append(store, "r0", *said("회의"), kinds.RoomDeleted()))
        while "r0" in await index.positions(ROOMS):
            await asyncio.sleep(0.01)
    await append(store, "r1", kinds.RoomDeleted())
    while await store.erase("r1", 100):
        pass
    await store.forget_rooms(["r1"])
    async with following(store, index, sweeps=True) as part:
        await eventually(lambda: part.swept > 0)
    assert list(await index.positions(ROOMS)) == ["r2"]


async def test_what_is_no_longer_kept_is_not_found(store: Store, index: SqliteIndex) -> None:
    async with following(store, index, sweeps=True) as part:
        events = await append(store, "r0", *said("회의 하나", "회의 둘"))
        purge = draft(kinds.RoomPurged(upto=events[0].seq), "r0", "madang", "Madang", server=True)
        await store.append([purge])
        part.committed(events)
        await levelled(store, index)
        assert [hit.seq for hit in await found(index, parsed("회의"), {"r0": 0})] == [events[1].seq]


async def test_what_is_erased_of_a_user_leaves_the_index(store: Store, index: SqliteIndex) -> None:
    async with following(store, index) as part:
        part.committed(await append(store, "r0", *said("회의 하나")))
        await levelled_rooms(store, index, "r0")
        erased = draft(kinds.MemberErased(member="ann", messages=True), "r0", "madang", "Madang", server=True)
        (outcome,) = await store.append([erased])
        assert isinstance(outcome, Appended)
        part.committed([outcome.event])
        await levelled_rooms(store, index, "r0")
        assert (await index.status()).messages == 0
        part.committed(await append(store, "r0", *said("회의 둘")))
        await levelled_rooms(store, index, "r0")
        assert await texts(store, index, "회의") == ["회의 둘"]


class Failing(SqliteIndex):
    """An index whose changes fail from time to time, before or after they are done."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        super().__init__(path)
        self._chance = chance

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        fate = self._chance.random()
        if fate < 0.2:
            raise StorageFailed
        done = await super().change(changes)
        if fate < 0.4:
            raise StorageFailed
        return done


@pytest.fixture
async def failing(tmp_path: Path) -> AsyncIterator[Failing]:
    index = Failing(tmp_path / "search.db", random.Random(5))
    await index.open()
    yield index
    await index.close()


async def test_nodes_that_lead_on_the_same_rooms_do_no_harm(
    store: Store, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.services.following.RETRY_S", 0.01)
    chance = random.Random(5)
    seqs: dict[str, list[int]] = {room: [] for room in ROOMS}
    expected: dict[tuple[str, int], str] = {}
    async with following(store, failing, sweeps=True) as one, following(store, failing, sweeps=True) as two:
        for n in range(60):
            room = chance.choice(ROOMS)
            kind = chance.choice(["send", "send", "edit", "delete"]) if seqs[room] else "send"
            if kind == "send":
                events = await append(store, room, *said(f"회의 {n}", f"일정 {n}"))
                for event, text in zip(events, (f"회의 {n}", f"일정 {n}"), strict=True):
                    seqs[room].append(event.seq)
                    expected[room, event.seq] = text
            else:
                seq = chance.choice(seqs[room])
                body = (
                    kinds.MessageEdited(target=seq, text=f"회의 {n}")
                    if kind == "edit"
                    else kinds.MessageDeleted(target=seq)
                )
                events = await append(store, room, body)
                if kind == "edit":
                    expected[room, seq] = f"회의 {n}"
                else:
                    seqs[room].remove(seq)
                    del expected[room, seq]
            for part in (one, two):
                if chance.random() < 0.9:
                    part.committed(events)
            await asyncio.sleep(0)
        for room in ROOMS:
            one.committed(await append(store, room, *said("끝")))
        await levelled(store, failing)
    wanted = sorted(text for text in expected.values() if "회의" in text)
    assert sorted(await texts(store, failing, "회의")) == wanted


async def test_it_rests_while_appends_wait(store: Store, index: SqliteIndex) -> None:
    asked = 0

    def busy() -> bool:
        nonlocal asked
        asked += 1
        return True

    async with following(store, index, busy=busy) as part:
        part.committed(await append(store, "r0", *said("회의")))
        await levelled_rooms(store, index, "r0")
        await eventually(lambda: asked > 1)


class Read(list[str]):
    """Rooms of a store whose log was read, from when this is made."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        read = store.read

        async def noted(room: str, after: int, limit: int) -> Sequence[Event]:
            self.append(room)
            return await read(room, after, limit)

        monkeypatch.setattr(store, "read", noted)


async def test_what_was_committed_here_is_not_read_again(
    store: Store, index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.services.following.EVENTS", 3)
    async with following(store, index) as part:
        part.committed(await append(store, "r0", *said("회의")))  # behind what nobody told it
        await levelled_rooms(store, index, "r0")
        read = Read(store, monkeypatch)
        for n in range(4):
            part.committed(await append(store, "r0", *said(*(f"회의 {n} {m}" for m in range(5)))))
        await levelled_rooms(store, index, "r0")
        assert read == []
        assert len(await texts(store, index, "회의")) == 21
        await append(store, "r0", *said("회의 elsewhere"))
        part.committed(await append(store, "r0", *said("회의 here")))
        await levelled_rooms(store, index, "r0")
        assert set(read) == {"r0"}
        assert len(await texts(store, index, "회의")) == 23


async def test_what_does_not_fit_is_read_again(
    store: Store, index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.services.kept_events.KEPT_BYTES", 2_000)
    async with following(store, index) as part:
        part.committed(await append(store, "r0", *said("회의")))
        await levelled_rooms(store, index, "r0")
        read = Read(store, monkeypatch)
        for n in range(20):
            part.committed(await append(store, "r0", *said(f"회의 {n}")))
        await levelled_rooms(store, index, "r0")
        assert len(await texts(store, index, "회의")) == 21
        assert read
        await eventually(lambda: part.lag == 0.0)
        read.clear()
        part.committed(await append(store, "r0", *said("회의 again")))
        await levelled_rooms(store, index, "r0")
        assert read == [], "what was handed over leaves no room"


class Sizes(SqliteIndex):
    """An index that notes how much it is given at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sizes: list[int] = []

    async def change(self, changes: Sequence[Changes]) -> set[str]:
        self.sizes.append(sum(len(each.put) for each in changes))
        return await super().change(changes)


@pytest.mark.parametrize("busy", [True, False])
async def test_while_appends_wait_it_takes_little_at_a_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    monkeypatch.setattr("madang.services.following.TOGETHER_BUSY", 10)
    monkeypatch.setattr("madang.services.following.FOUND_BUSY", 1)
    monkeypatch.setattr("madang.services.following.REST_MOST_S", 0.0)
    index = Sizes(tmp_path / "sizes.db")
    await index.open()
    try:
        async with following(store, index, busy=lambda: busy) as part:
            for room in ROOMS:
                part.committed(await append(store, room, *said(*(f"회의 {n}" for n in range(25)))))
            await levelled(store, index)
    finally:
        await index.close()
    assert sum(index.sizes) == 75
    assert (max(index.sizes) > 10) is not busy


async def test_a_finished_paper_is_indexed_when_it_is_rendered_and_goes_when_it_is_open_or_deleted(
    store: Store, index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.services.following.RETRY_S", 0.01)
    rendered = Rendered()
    loop = asyncio.get_running_loop()
    part = Following(store, Indexing(index, rendered.searched), never, lambda: False, loop.time)
    task = loop.create_task(part.run())

    async def do(*bodies: Body) -> list[Event]:
        events = await append(store, "r0", *bodies)
        part.committed(events)
        return events

    async def seqs(q: str) -> list[int]:
        return [hit.seq for hit in await found(index, parsed(q), {"r0": 0})]

    async def upto() -> int:
        positions = await index.positions(["r0"])
        return positions["r0"].upto if positions else 0

    await do(kinds.PaperCreated(paper="card", title="Card"))
    finish, reopen = (kinds.PaperChanged(paper="card", finished=finished) for finished in (True, False))
    _, finished, after = await do(kinds.MessageSent(text="회의"), finish, kinds.MessageSent(text="축하 회의"))
    while rendered.asked < 3:
        await asyncio.sleep(0.01)
    assert await upto() == finished.seq - 1 and await seqs("회의") == [finished.seq - 1]  # the rest waits
    rendered.said[finished.seq] = "모두의 축하"
    while await upto() < after.seq:
        await asyncio.sleep(0.01)
    assert await seqs("축하") == [after.seq, finished.seq]
    opened, again = await do(reopen, finish)
    rendered.said[again.seq] = "다시 축하"
    while await upto() < again.seq:
        await asyncio.sleep(0.01)
    assert await seqs("축하") == [again.seq, after.seq] and opened.seq < again.seq
    await do(kinds.PaperDeleted(paper="card"))
    while await upto() == again.seq:
        await asyncio.sleep(0.01)
    assert await seqs("축하") == [after.seq]
    await cancelled([task])
