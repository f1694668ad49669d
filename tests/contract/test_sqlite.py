"""What only a SQLite file can suffer: kill -9, a second process, a full disk, failed writes; and copying it in use."""

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, event

from madang.adapters.sql import Store, backup, journal, open_store, restore, sqlite, sqlite_writer
from madang.core import events as kinds
from madang.core.events import Appended, Draft, Event, draft
from madang.errors import SetupError, StorageFailed, StorageFull
from madang.testing.log import what_was_acked_is_there_after_reopening
from madang.testing.retention import purges, removed, talk
from madang.testing.rules import opened as opened_scene
from madang.testing.rules import text_of
from tests.contract.conftest import now_ms, opened
from tests.disks import mounted_disk
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


async def whole_log(store: Store, room: str) -> list[str]:
    """All texts of a room, after a look at its numbering."""
    events: list[Event] = []
    while page := await store.read(room, len(events), 1000):
        events += page
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [text_of(event.content()) for event in events if event.type == kinds.MessageSent.type]


async def test_what_was_acked_survives_kill_9(sqlite_tables_url: str) -> None:
    """Four times: a process that appends without pause is killed at a moment of its own."""
    acked: list[str] = []
    for run, acks in enumerate((1, 300, 3_000, 12_000)):
        acked += await asyncio.to_thread(append_and_be_killed, sqlite_tables_url, str(run), acks)
        async with opened(sqlite_tables_url) as store:
            rooms = await store.rooms(limit=200)
            stored = [text for room in rooms for text in await whole_log(store, room.id)]
            assert len(stored) == len(set(stored)), "something was stored twice"
            assert set(acked) <= set(stored), "something that was acked is lost"
            heads = await store.heads([room.id for room in rooms])
            after = [(room.id, f"after-{run}-{room.id}") for room in rooms]
            for outcome in await store.append(
                [draft(kinds.MessageSent(text=t), r, "ann", "Ann", cid=t) for r, t in after]
            ):
                assert isinstance(outcome, Appended) and outcome.event.seq == heads[outcome.event.room] + 1


def append_and_be_killed(url: str, run: str, acks: int) -> list[str]:
    """Run the child until it has acked so much, kill it, and give what it had said by then."""
    command = [sys.executable, "-m", "tests.contract.crash_child", url, run]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(acks)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    if not lines[-1].endswith("\n"):
        lines.pop()  # cut off in the middle of a word
    return [line.strip() for line in lines]


@pytest.mark.parametrize("fold", [5, *(pytest.param(fold, marks=pytest.mark.slow) for fold in (1, 1_000_000))])
async def test_reads_see_what_is_folded_and_what_is_not(
    sqlite_tables_url: str, fold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal folds at every moment, or never: nobody can tell."""
    from madang.testing import check_directory, check_log

    monkeypatch.setattr(journal, "FOLD", fold)
    monkeypatch.setattr(journal, "SLICE", 2)
    await check_log(lambda: opened(sqlite_tables_url))
    await check_directory(lambda: opened(sqlite_tables_url))


async def test_large_events_are_folded_by_their_bytes(sqlite_tables_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the table is kept in memory: 8,000 of the largest would be 640 MB."""
    for rest in ("REST_SECONDS", "TIDY_SECONDS"):  # after which everything is folded
        monkeypatch.setattr(sqlite_writer, rest, 1000.0)
    async with opened(sqlite_tables_url) as store:
        scene = await opened_scene(store)
        for _ in range(10):
            await store.append([scene.say("😀" * 4000, data=b'"' + b"y" * 16_000 + b'"') for _ in range(50)])

        def waiting() -> int:
            return sum(len(row[8]) for rows in store.engine.waiting().values() for row in rows)

        await eventually(lambda: waiting() < journal.FOLD_BYTES)


async def test_a_second_process_is_refused(sqlite_tables_url: str) -> None:
    async with opened(sqlite_tables_url):
        with pytest.raises(SetupError, match="Another process is using"):
            await open_store(sqlite_tables_url, now_ms)
    async with opened(sqlite_tables_url):
        pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    with mounted_disk(tmp_path, 8) as disk:
        yield disk


def texts(room: str, run: str, count: int = 50, size: int = 1000) -> list[Draft]:
    return [
        draft(kinds.MessageSent(text=f"{run}-{n} {'x' * size}"), room, f"ann-{room}", "Ann", cid=f"{run}-{n}")
        for n in range(count)
    ]


async def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    """Full: StorageFull, nothing stored, reading goes on. With space again: appends work, the same cids too."""
    url = f"sqlite:///{small_disk}/madang.db"
    stored: list[str] = []
    async with opened(url) as store:
        scene = await opened_scene(store, "ben")
        (small_disk / "ballast").write_bytes(b"x" * 5_000_000)
        full = 0
        for n in range(200):
            batch = texts(scene.room, str(n))
            try:
                await store.append(batch)
                stored += [text_of(d.content) for d in batch]
            except StorageFull:
                full += 1
                with pytest.raises(StorageFull):
                    await store.append([scene.say("x", mentions=("ben",)), *batch])
                assert await scene.texts() == stored, "a refused batch left something behind"
                if full == 3:
                    break
        assert full, "the disk never was full"
        (small_disk / "ballast").unlink()
        batch = texts(scene.room, str(n))
        outcomes = await store.append(batch)
        assert not any(outcome.duplicate for outcome in outcomes if isinstance(outcome, Appended))
        stored += [text_of(d.content) for d in batch]
        assert await scene.texts() == stored
    async with opened(url) as store:
        assert await whole_log(store, scene.room) == stored


@contextlib.contextmanager
def files_cannot_grow(size: int) -> Iterator[None]:
    """Let every write beyond `size` fail with EFBIG, which SQLite takes for an I/O error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_after_a_failed_write_nothing_is_taken_until_a_restart(sqlite_tables_url: str, tmp_path: Path) -> None:
    """A commit that failed leaves the outcome unknown, so the store stops: no ack on what the kernel may have dropped."""
    async with opened(sqlite_tables_url) as store:
        scene = await opened_scene(store)
        await store.append(texts(scene.room, "before"))
        size = (tmp_path / "madang.db-wal").stat().st_size
        with files_cannot_grow(size), pytest.raises(StorageFailed):
            await store.append(texts(scene.room, "failed", count=100))
        for drafts in (texts(scene.room, "after", 1), [scene.draft(kinds.MemberJoined, "ben", role="member")]):
            with pytest.raises(StorageFailed, match="restarted"):
                await store.append(drafts)
        with pytest.raises(StorageFailed):
            await store.set_read([(scene.room, scene.id("ann"), 1)])
        assert len(await scene.texts()) == 50, "reading goes on"
    async with opened(sqlite_tables_url) as store:
        await store.append(texts(scene.room, "failed", count=100))
        scene.store = store
        assert len(await scene.texts()) == 150


async def test_a_backup_is_of_one_moment_while_the_server_runs(sqlite_tables_url: str, tmp_path: Path) -> None:
    """Copied in use; restored as a new history: the same events, another epoch."""
    copy, place = tmp_path / "copy", f"sqlite:///{tmp_path}/new/madang.db"
    steps: list[tuple[int, int]] = []
    async with opened(sqlite_tables_url) as store:
        scenes = [await opened_scene(store) for _ in range(3)]
        await store.append([d for scene in scenes for d in texts(scene.room, "before")])
        key_between_nodes = await store.epoch()
        assert await store.epoch() == key_between_nodes

        async def go_on() -> None:
            for n in range(100):
                await store.append([scene.say(f"during {n}") for scene in scenes])

        going = asyncio.ensure_future(go_on())
        await asyncio.to_thread(backup, sqlite_tables_url, copy, lambda *step: steps.append(step))
        await going
        epochs = [tail.epoch for scene in scenes if (tail := await store.tail(scene.room, 0))]
        with pytest.raises(SetupError, match="exists already"):
            await asyncio.to_thread(backup, sqlite_tables_url, copy, lambda *step: None)
        with pytest.raises(SetupError):
            await asyncio.to_thread(restore, copy, sqlite_tables_url, lambda *step: None)
    assert steps and steps[-1][0] == steps[-1][1]
    assert copy.stat().st_mode & 0o777 == 0o600

    await asyncio.to_thread(restore, copy, place, lambda *step: None)
    async with opened(place) as store:
        assert await store.epoch() != key_between_nodes, "what was said between nodes before is no news"
        lengths = set()
        for scene, epoch in zip(scenes, epochs, strict=True):
            tail = await store.tail(scene.room, 0)
            assert tail is not None and tail.epoch != epoch
            scene.store = store
            said = await scene.texts()
            lengths.add(len(said))
            assert said[50:] == [f"during {n}" for n in range(len(said) - 50)]
        assert len(lengths) == 1, "rooms are of different moments"


async def test_what_is_no_backup_is_not_restored(tmp_path: Path) -> None:
    place = f"sqlite:///{tmp_path}/madang.db"
    (tmp_path / "text").write_text("hello " * 1000)
    with contextlib.closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE stone (name TEXT)")
    for name, says in (
        ("nothing", "no file"),
        ("text", "not a database of Madang"),
        ("other", "not a database of Madang"),
    ):
        with pytest.raises(SetupError, match=says):
            await asyncio.to_thread(restore, tmp_path / name, place, lambda *step: None)
    with pytest.raises(SetupError, match="no database at"):
        await asyncio.to_thread(backup, place, tmp_path / "copy", lambda *step: None)
    with pytest.raises(SetupError, match="pg_dump"):
        await asyncio.to_thread(backup, "postgresql://localhost/x", tmp_path / "copy", lambda *step: None)
    assert not (tmp_path / "madang.db").exists()


async def test_what_cannot_be_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello " * 1000)
    (tmp_path / "folder").mkdir()
    for url, problem in {
        "madang.db": "not a URL",
        "sqlite://": "needs a file",
        "sqlite:///:memory:": "needs a file",
        "oracle://localhost/madang": "does not know",
        f"sqlite:///{tmp_path}/text": "cannot be used as a database",
        f"sqlite:///{tmp_path}/folder": "cannot be used as a database",
        f"sqlite:///{tmp_path}/text/madang.db": "is a file, not a folder",
    }.items():
        with pytest.raises(SetupError, match=problem):
            await open_store(url, now_ms)


async def test_the_file_is_private(sqlite_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_url) as store:
        await store.signing_keys()
        for file in tmp_path.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file


async def test_a_journal_that_a_crash_left_is_folded_before_anything_else(
    sqlite_tables_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a slice of it had been folded, and a message of that slice erased, before the crash."""
    monkeypatch.setattr(journal, "FOLD", 10)
    monkeypatch.setattr(journal, "SLICE", 1)
    async with opened(sqlite_tables_url) as store:
        scenes = [await opened_scene(store) for _ in range(5)]
        drafts = [scene.say(f"secret-{n}", cid=f"{n}") for n in range(4) for scene in scenes]
        await store.append(drafts)
        for scene in scenes:
            await scene.done(scene.draft(kinds.MessageDeleted, target=3))
        logs = [await scene.log() for scene in scenes]
        with contextlib.closing(sqlite3.connect(tmp_path / "madang.db")) as c:
            c.execute("VACUUM INTO ?", (str(tmp_path / "crashed.db"),))
    crashed = f"sqlite:///{tmp_path}/crashed.db"
    async with opened(crashed) as store:
        for scene, log in zip(scenes, logs, strict=True):
            scene.store = store
            assert await scene.log() == log
        outcomes = await store.append(drafts)
        assert all(isinstance(outcome, Appended) and outcome.duplicate for outcome in outcomes)
    with contextlib.closing(sqlite3.connect(tmp_path / "crashed.db")) as c:
        assert c.execute("SELECT count(*) FROM journal").fetchone() == (0,)
    await what_was_acked_is_there_after_reopening(lambda: opened(crashed))


async def test_connections_that_read_give_back_their_pages_at_rest(
    sqlite_tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "REST_SECONDS", 0.01)
    monkeypatch.setattr(sqlite, "SHRINK_SECONDS", 0.0)
    said: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        async with opened(sqlite_tables_url) as store:
            await store.rooms()
            await eventually(lambda: "PRAGMA shrink_memory" in said)
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_the_journal_is_folded_soon_though_calls_never_pause(
    sqlite_tables_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "TIDY_SECONDS", 0.1)
    async with opened(sqlite_tables_url) as store:
        scene = await opened_scene(store)

        def folded() -> int:
            with contextlib.closing(sqlite3.connect(tmp_path / "madang.db")) as c:
                return int(c.execute("SELECT count(*) FROM events").fetchone()[0])

        for n in range(1000):
            await scene.done(scene.say(f"{n}"))
            await asyncio.sleep(0.002)
            if await asyncio.to_thread(folded):
                return
    raise AssertionError("not folded")


@pytest.mark.parametrize("there", ["a file", "a link", "a link to nothing", "a folder", "a pipe"])
async def test_a_backup_replaces_nothing_and_follows_no_link(
    there: str, sqlite_tables_url: str, tmp_path: Path
) -> None:
    """In a folder where others may write, too: what is at a name is left as it is, and so is what it leads to."""
    async with opened(sqlite_tables_url):
        pass
    (folder := tmp_path / "shared").mkdir()
    (keep := folder / "keep").write_text("kept")
    for name in ("b.db", "b.db.partial"):
        match there:
            case "a file":
                (folder / name).write_text("kept")
            case "a link":
                (folder / name).symlink_to(keep)
            case "a link to nothing":
                (folder / name).symlink_to(folder / "nothing")
            case "a folder":
                (folder / name).mkdir()
            case _:
                os.mkfifo(folder / name)

    def standing() -> list[tuple[str, int]]:
        return sorted((path.name, path.lstat().st_ino) for path in folder.iterdir())

    def copy() -> None:
        backup(sqlite_tables_url, folder / "b.db", lambda done, total: None)

    before = standing()
    with pytest.raises(SetupError, match="exists already"):
        await asyncio.to_thread(copy)
    assert standing() == before
    (folder / "b.db").rename(tmp_path / "aside")
    await asyncio.to_thread(copy)
    assert stat.S_IMODE((folder / "b.db").stat().st_mode) == 0o600
    assert keep.read_text() == "kept"
    assert {name for name, _ in standing()} == {"b.db", "b.db.partial", "keep"}


async def test_what_comes_to_stand_there_meanwhile_is_not_replaced(sqlite_tables_url: str, tmp_path: Path) -> None:
    async with opened(sqlite_tables_url):
        pass
    target = tmp_path / "b.db"

    def progress(done: int, total: int) -> None:
        target.write_text("quicker")

    with pytest.raises(SetupError, match="exists already"):
        await asyncio.to_thread(backup, sqlite_tables_url, target, progress)
    assert target.read_text() == "quicker"


async def test_after_a_crash_a_room_goes_on_behind_its_newest_event(
    sqlite_tables_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a batch that changes a message in one room, the events of others wait behind those that wait already."""
    monkeypatch.setattr(journal.Journal, "fold", lambda *_, **__: False)  # all that can wait does
    async with opened(sqlite_tables_url) as store:
        yard, hall = await opened_scene(store, "ben"), await opened_scene(store)
        sent = await hall.done(hall.say("to be edited"))
        for n in range(3):
            await store.append([yard.say(f"{n}", cid=f"{n}"), yard.say(f"ben {n}", "ben", cid=f"{n}")])
        await store.append([yard.say("3", cid="3"), hall.draft(kinds.MessageEdited, target=sent.seq, text="edited")])
        await asyncio.to_thread(backup, sqlite_tables_url, tmp_path / "crashed.db", lambda *step: None)
    texts = ["0", "ben 0", "1", "ben 1", "2", "ben 2", "3"]
    async with opened(f"sqlite:///{tmp_path}/crashed.db") as store:
        yard.store = store
        assert await yard.texts() == texts
        before = (await yard.log())[-1].seq
        after = [await yard.done(yard.say(text, cid=text)) for text in ("4", "5")]
        assert [event.seq for event in after] == [before + 1, before + 2]
        assert await yard.texts() == [*texts, "4", "5"]
        (mine,) = await store.memberships(yard.id("ben"))
        assert (mine.seq, mine.unread) == (before + 2, 6)


async def test_after_a_crash_of_before_a_room_goes_on_behind_its_newest_event(
    sqlite_tables_url: str, tmp_path: Path
) -> None:
    """Versions before could leave an event in the journal whose next one was in the table."""
    async with opened(sqlite_tables_url) as store:
        yard = await opened_scene(store)
        for n in range(4):
            await yard.done(yard.say(f"{n}", cid=f"{n}"))
        newest = (await yard.log())[-1].seq
    with contextlib.closing(sqlite3.connect(tmp_path / "madang.db")) as c, c:
        columns = "room, seq, id, type, user, name, cid, target, body, edit"
        left = c.execute(f"SELECT {columns} FROM events WHERE seq = ?", (newest - 1,)).fetchall()
        c.execute("DELETE FROM events WHERE seq = ?", (newest - 1,))
        c.execute("UPDATE events SET ordinal = NULL, own_ordinal = NULL")
        c.execute("INSERT INTO journal (rows) VALUES (?)", (msgspec.msgpack.encode(left),))
    async with opened(sqlite_tables_url) as store:
        yard.store = store
        assert (await yard.done(yard.say("4", cid="4"))).seq == newest + 1
        assert await yard.texts() == ["0", "1", "2", "3", "4"]


async def test_what_was_removed_is_not_taken_from_the_journal_of_a_crash(
    sqlite_tables_url: str, tmp_path: Path
) -> None:
    async with opened(sqlite_tables_url) as store:
        scene, seqs = await talk(store)
        head = (await scene.done(purges(scene, seqs[5]))).seq
        await removed(store, scene.room)
        for each in tmp_path.glob("madang.db*"):
            (tmp_path / "crash").mkdir(exist_ok=True)
            shutil.copy(each, tmp_path / "crash" / each.name)
    async with opened(f"sqlite:///{tmp_path}/crash/madang.db") as store:
        scene.store = store
        assert [event.seq for event in await store.read(scene.room, 0, 100)] == list(range(seqs[5] + 1, head + 1))
