"""F7: the end of SQLite's write-ahead log is cut off or overwritten though it had been synced: damage of the medium.

What was acked there is gone; what is left is whole, in order and without a gap, or the file is refused.
"""

import asyncio
import random
import shutil
from pathlib import Path

import pytest

from madang.adapters.sql import Store
from madang.core import events as kinds
from madang.core.events import Appended, draft
from madang.errors import SetupError
from madang_proof.faults.torn import end_of, tear
from tests.contract.conftest import opened

ROOMS = [f"torn-{n}" for n in range(3)]
BATCHES = 40
CUTS = 25
LONGEST = 4_200


async def fill(store: Store) -> dict[str, list[tuple[int, int, str, bytes]]]:
    """Append plain batches and others; gives each room's log as it was acked."""
    await store.append(
        [draft(kinds.RoomCreated(title=room, access="open", slow_ms=0), room, "ann", "Ann") for room in ROOMS]
    )
    for n in range(BATCHES):
        drafts = [
            draft(kinds.MessageSent(text=f"{room} {n} {'x' * (n * 40)}"), room, "ann", "Ann", cid=f"{n}")
            for room in ROOMS[: 1 + n % 3]
        ]
        if n % 5 == 4:
            drafts.append(draft(kinds.MemberJoined(role="member"), ROOMS[0], f"user-{n}", "B"))
        if n % 7 == 6:
            drafts.append(draft(kinds.MessageDeleted(target=2 + n // 7), ROOMS[0], "ann", "Ann"))
        assert all(isinstance(outcome, Appended | None) for outcome in await store.append(drafts))
    return await logs(store)


async def logs(store: Store) -> dict[str, list[tuple[int, int, str, bytes]]]:
    """Return the logs of the rooms that are there. What a deletion erased is left out."""
    found = {}
    for room in ROOMS:
        events = await store.read(room, 0, 1000)
        gone = {gone.target for event in events if isinstance(gone := event.content(), kinds.MessageDeleted)}
        found[room] = [(e.seq, e.id, e.type, b"" if e.seq in gone else e.body) for e in events]
    return found


def damage(wal: Path, dice: random.Random) -> str:
    """Cut off the end of the log that counts, or write over a part of it."""
    end, _ = end_of(wal)
    size = dice.randint(1, min(LONGEST, end))
    with wal.open("r+b") as file:
        if dice.random() < 0.5:
            file.truncate(end - size)
            return f"{size} bytes cut off"
        file.seek(end - size)
        file.write(dice.randbytes(dice.randint(1, size)))
        return f"written over {size} bytes before the end"


@pytest.mark.parametrize("seed", range(2))
async def test_half_a_message_is_never_served(sqlite_tables_url: str, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    async with opened(sqlite_tables_url) as store:
        whole = await fill(store)
        for name in ("madang.db", "madang.db-wal"):  # as kill -9 leaves them; the -shm is memory
            shutil.copy(tmp_path / name, tmp_path / f"kept-{name}")
    lost = 0
    for cut in range(CUTS):
        place = tmp_path / f"cut-{cut}"
        place.mkdir()
        for name in ("madang.db", "madang.db-wal"):
            shutil.copy(tmp_path / f"kept-{name}", place / name)
        did = await asyncio.to_thread(damage, place / "madang.db-wal", dice)
        try:
            async with opened(f"sqlite:///{place}/madang.db") as store:
                left = await logs(store)
                heads = await store.heads(ROOMS)
                for room in ROOMS:
                    before = whole[room][: len(left[room])]
                    kept = {seq for seq, _, _, body in before if body}
                    assert [e for e in left[room] if e[0] in kept] == [e for e in before if e[3]], (did, room)
                    assert [e[0] for e in left[room]] == list(range(1, len(left[room]) + 1)), (did, room)
                    assert heads.get(room, 0) == len(left[room]), (did, room)
                lost += sum(len(whole[room]) - len(left[room]) for room in ROOMS)
        except SetupError as refused:
            assert "cannot be used as a database" in str(refused), did
    assert lost, "no cut touched anything"


async def test_a_torn_frame_behind_the_end_costs_nothing(sqlite_tables_url: str, tmp_path: Path) -> None:
    """What `madang prove` does (`torn`), many times: the frame that was being written does not count."""
    dice = random.Random(3)
    async with opened(sqlite_tables_url) as store:
        whole = await fill(store)
        for name in ("madang.db", "madang.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / f"kept-{name}")
    for cut in range(CUTS):
        place = tmp_path / f"torn-{cut}"
        place.mkdir()
        for name in ("madang.db", "madang.db-wal"):
            shutil.copy(tmp_path / f"kept-{name}", place / name)
        did = await asyncio.to_thread(tear, place / "madang.db-wal", dice)
        async with opened(f"sqlite:///{place}/madang.db") as store:
            assert await logs(store) == whole, did
