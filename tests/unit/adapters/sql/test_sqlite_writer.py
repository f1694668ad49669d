"""The writer of a SQLite file between two calls: how much it does before the next append has its turn."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from madang.adapters.sql import journal, sqlite_writer
from madang.adapters.sql.sqlite_writer import Writer
from madang.core.events import Appended, Draft, MemberJoined, MessageSent, RoomCreated, draft
from madang.core.ids import IdSource

NOW_MS = 1_800_000_000_000
ROOMS = [f"room-{n}" for n in range(20)]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """An open writer."""
    writer = Writer(tmp_path / "madang.db")
    writer.open()
    with contextlib.closing(writer):
        yield writer


def test_a_fold_is_checkpointed_a_part_at_a_time(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One checkpoint behind the fold of 16,000 events would hold up the next append for 27 ms, not 8."""
    monkeypatch.setattr(journal, "SLICE", 50)
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_CHANGES", 200)
    ids = IdSource(0)

    def append(drafts: list[Draft]) -> None:
        assert all(isinstance(outcome, Appended) for outcome in writer.append(drafts, ids, NOW_MS))
        writer.between_calls(at_rest=False)

    append([draft(RoomCreated(title=room, access="open", slow_ms=0), room, "ann", "Ann") for room in ROOMS])
    append([draft(MemberJoined(role="member"), room, "bob", "Bob") for room in ROOMS])
    for n in range(50):
        append([draft(MessageSent(text="x" * 100), room, "bob", "Bob", cid=f"{n}") for room in ROOMS])
    monkeypatch.setattr(journal, "FOLD", 1_000)
    sizes = [(tmp_path / "madang.db").stat().st_size]
    while writer.between_calls(at_rest=False) == 0.0:
        sizes.append((tmp_path / "madang.db").stat().st_size)
    grown = sum(after > before for before, after in itertools.pairwise(sizes))
    assert grown >= 4, "each part of the log goes from the WAL into the file before the next is folded"


@pytest.mark.parametrize("text", ["x" * 100, "x" * 4000], ids=["many", "large"])
def test_a_flooded_room_is_folded_a_part_at_a_time(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """All of the 16,000 events that may wait would hold up the next append for 130 ms. None is lost or there twice meanwhile."""
    monkeypatch.setattr(journal, "SLICE", 50)
    monkeypatch.setattr(journal, "SLICE_BYTES", 20_000)
    ids, said = IdSource(0), MessageSent(text=text)
    writer.append([draft(RoomCreated(title="Yard", access="open", slow_ms=0), "yard", "ann", "Ann")], ids, NOW_MS)
    sent = [draft(said, "yard", "ann", "Ann", cid=f"{n}") for n in range(400)]
    for n in range(0, 400, 2):
        writer.append(sent[n : n + 2], ids, NOW_MS)

    with contextlib.closing(sqlite3.connect(tmp_path / "madang.db")) as c:

        def stored() -> list[int]:
            return [seq for (seq,) in c.execute("SELECT seq FROM events ORDER BY seq")]

        before, parts = stored(), 0
        while writer.journal.waiting:
            writer.journal.fold(tidy=True, batch=2, batch_size=sum(len(d.body) for d in sent[:2]))
            after, parts = stored(), parts + 1
            assert 0 < len(after) - len(before) <= (50 if len(text) < 400 else 6)
            waiting = [row[1] for row in writer.journal.rows_of("yard")]
            assert after + waiting == list(range(1, 402)), "each is in one of both"
            (left,) = c.execute("SELECT count(*) FROM journal").fetchone()
            assert writer.journal.waiting == len(waiting) and bool(left) == bool(waiting)
            if parts == 2:
                again = writer.append([sent[0], sent[399]], ids, NOW_MS)
                assert all(isinstance(each, Appended) and each.duplicate for each in again)
            before = after
        assert parts >= 8 and writer.journal.size == 0


def test_a_fold_ends_while_large_messages_flood_its_room(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a checkpoint takes the place of every second slice, more is folded than comes."""
    monkeypatch.setattr(journal, "FOLD_BYTES", 4_000_000)
    monkeypatch.setattr(journal, "SLICE_BYTES", 1)
    monkeypatch.setattr(journal, "SLICE", 1)
    ids, said = IdSource(0), MessageSent(text="x" * 4000)
    writer.append([draft(RoomCreated(title="Yard", access="open", slow_ms=0), "yard", "ann", "Ann")], ids, NOW_MS)
    waiting = []
    for n in range(40):
        writer.append([draft(said, "yard", "ann", "Ann", cid=f"{n}-{each}") for each in range(150)], ids, NOW_MS)
        writer.between_calls(at_rest=False)
        waiting.append(writer.journal.size)
    assert max(waiting[20:]) < 6_000_000 and min(waiting[20:]) < 1_300_000


def test_few_large_messages_are_checkpointed_as_soon_as_many_small_ones(writer: Writer, tmp_path: Path) -> None:
    """As many as 4,000 rows of 9 KB are 36 MB to write into the file, and the next append would wait for that."""
    ids, large = IdSource(0), MessageSent(text="x" * 4000)
    writer.append([draft(RoomCreated(title="Yard", access="open", slow_ms=0), "yard", "ann", "Ann")], ids, NOW_MS)
    grown = 0
    for n in range(2 * sqlite_writer.CHECKPOINT_SIZE // 4000):
        writer.append([draft(large, "yard", "ann", "Ann", cid=f"{n}")], ids, NOW_MS)
        before = (tmp_path / "madang.db").stat().st_size
        while writer.between_calls(at_rest=False) == 0.0:
            pass
        grown += (tmp_path / "madang.db").stat().st_size > before
    assert grown >= 2


class Time:
    """A clock in the place of the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(sqlite_writer, "time", clock)
    return clock


def rest(writer: Writer, time: Time, seconds: float) -> None:
    """Let a writer rest, as its thread does."""
    ends, pause = time.now + seconds, writer.between_calls(at_rest=False)
    while pause is not None and time.now + pause <= ends:
        time.now += pause
        pause = writer.between_calls(at_rest=True)
    time.now = ends


def test_who_came_once_is_forgotten_and_who_goes_on_is_not(time: Time, writer: Writer) -> None:
    """A storm of newcomers leaves rooms and members in memory that no append needs again."""
    ids, storm = IdSource(0), [f"guest-{n}" for n in range(500)]

    def append(*drafts: Draft) -> None:
        assert all(isinstance(outcome, Appended) for outcome in writer.append(drafts, ids, NOW_MS))

    def say(user: str, room: str) -> None:
        append(draft(MessageSent(text="hello"), room, user, user, cid=f"{time.now}"))

    for room in ROOMS:
        append(draft(RoomCreated(title=room, access="open", slow_ms=0), room, "ann", "Ann"))
    append(*(draft(MemberJoined(role="member"), ROOMS[0], user, user) for user in ["bob", *storm]))
    append(*(draft(MessageSent(text="hello"), ROOMS[0], user, user, cid="c") for user in storm))
    assert writer.journal.remembered > 1000
    for _ in range(3 * int(sqlite_writer.UNUSED_SECONDS)):
        say("bob", ROOMS[0])
        rest(writer, time, 1.0)
    assert writer.journal.remembered == 3, "Bob's role and number, and the head of the room"
    for user, room in ((storm[0], ROOMS[0]), ("ann", ROOMS[-1]), ("bob", ROOMS[0])):
        say(user, room)
    assert writer.journal.heads[ROOMS[0]].seq == 1002 + 3 * int(sqlite_writer.UNUSED_SECONDS) + 2
    assert writer.journal.heads[ROOMS[-1]].seq == 2
    rest(writer, time, 3 * sqlite_writer.UNUSED_SECONDS)
    assert writer.journal.remembered == 0, "though nobody calls again"


def test_what_waits_for_its_table_is_not_forgotten(time: Time, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its head is above the table's."""
    ids = IdSource(0)
    writer.append([draft(RoomCreated(title="Yard", access="open", slow_ms=0), "yard", "ann", "Ann")], ids, NOW_MS)
    writer.journal.forget_unused()
    writer.journal.forget_unused()
    assert writer.journal.heads["yard"].seq == len(writer.journal.rows_of("yard")) == 1


def test_at_rest_sqlite_gives_back_its_pages(time: Time, writer: Writer, tmp_path: Path) -> None:
    ids, said = IdSource(0), list[str]()
    writer.write(lambda c: c.connection.driver_connection.set_trace_callback(said.append))  # type: ignore[union-attr]
    writer.append([draft(RoomCreated(title="Yard", access="open", slow_ms=0), "yard", "ann", "Ann")], ids, NOW_MS)

    def shrunk() -> int:
        return said.count("PRAGMA shrink_memory")

    for _ in range(100):
        time.now += sqlite_writer.REST_SECONDS / 2
        writer.between_calls(at_rest=False)
    assert shrunk() == 0, "not while there is work"
    rest(writer, time, 5 * sqlite_writer.SHRINK_SECONDS)
    assert shrunk() == 1, "once is enough"
    for _ in range(20):
        writer.write(lambda c: None)
        rest(writer, time, 1.1 * sqlite_writer.REST_SECONDS)
    assert shrunk() <= 1 + 20 * 1.1 * sqlite_writer.REST_SECONDS // sqlite_writer.SHRINK_SECONDS + 1, "seldom"
