"""The writer of a SQLite file between two calls: how much it does before the next append has its turn."""

import contextlib
import itertools
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
    monkeypatch.setattr(journal, "FOLD", 1_000)
    monkeypatch.setattr(journal, "SLICE", 50)
    monkeypatch.setattr(sqlite_writer, "CHECKPOINT_CHANGES", 200)
    ids = IdSource(0)

    def append(drafts: list[Draft]) -> None:
        assert all(isinstance(outcome, Appended) for outcome in writer.append(drafts, ids, NOW_MS))

    append([draft(RoomCreated(title=room, access="open", slow_ms=0), room, "ann", "Ann") for room in ROOMS])
    append([draft(MemberJoined(role="member"), room, "bob", "Bob") for room in ROOMS])
    for n in range(50):
        append([draft(MessageSent(text="x" * 100), room, "bob", "Bob", cid=f"{n}") for room in ROOMS])
    sizes = [(tmp_path / "madang.db").stat().st_size]
    while writer.between_calls(at_rest=False) == 0.0:
        sizes.append((tmp_path / "madang.db").stat().st_size)
    grown = sum(after > before for before, after in itertools.pairwise(sizes))
    assert grown >= 4, "each part of the log goes from the WAL into the file before the next is folded"
