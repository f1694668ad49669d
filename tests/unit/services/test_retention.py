"""What a room no longer keeps is told once and removed a little at a time, by number and by age; all else stays."""

import pytest

from madang.core.events import RoomChanged
from madang.services import cleanup as module
from madang.services.cleanup import PURGED_AT_ONCE, QUIET_S
from tests.unit.services.test_cleanup import World, guest, w

__all__ = ["w"]
ARA = guest("a")
QUIET_DAYS = (QUIET_S + 1) / 86400


async def types(w: World) -> list[str]:
    head = (await w.store.heads(["yard"]))["yard"]
    return [event.type for event in await w.store.read("yard", 0, min(1_000, head))]


async def talk(w: World, count: int, keep: RoomChanged) -> None:
    await w.rooms.create(ARA, "yard", "", "open")
    await w.rooms.change(ARA, "yard", keep)
    for n in range(count):
        await w.say(ARA, "yard", f"{n}")
    await w.store.engine.fold_all()  # what is not in the table is not due yet


async def test_the_newest_messages_are_kept_and_the_log_keeps_its_numbering(w: World) -> None:
    await talk(w, 200, RoomChanged(keep_messages=20))
    for _ in range(2):
        await w.cleanup.clean()
    page = await w.store.messages("yard", "", limit=200)
    assert ([int(m.text) for m in page.messages], page.more) == (list(range(180, 200)), False)
    left = await w.store.read("yard", 0, 100)
    room = await w.store.room("yard")
    assert room is not None and left[0].seq == room.purged_seq + 1 == 183
    assert [event.type for event in left if event.type != "message.sent"] == ["room.purged"]
    assert left[-1].user == "madang"


async def test_a_busy_room_is_told_in_pieces_and_a_quiet_one_of_all(w: World) -> None:
    await talk(w, 20 + PURGED_AT_ONCE - 3, RoomChanged(keep_messages=20))
    await w.cleanup.clean()
    assert "room.purged" not in await types(w), "so few are not worth an event yet"
    w.wall.days(QUIET_DAYS)
    await w.cleanup.clean()
    assert (await types(w)).count("room.purged") == 1


async def test_what_is_old_goes_and_an_empty_room_is_not_told_again_and_again(w: World) -> None:
    await talk(w, 30, RoomChanged(keep_ms=60_000))
    for _ in range(6):
        w.wall.days(1)
        await w.cleanup.clean()
        await w.store.engine.fold_all()  # what is not in the table is not due yet
    assert await types(w) == ["room.purged"]
    assert (await w.store.messages("yard", "")).messages == []


async def test_much_is_removed_in_small_transactions(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await talk(w, 300, RoomChanged(keep_messages=20))
    monkeypatch.setattr(module, "CHUNK", 20)
    monkeypatch.setattr(module, "ROWS", 100)
    removed: list[int] = []
    erase = w.store.erase

    async def noted(room: str, limit: int) -> int:
        removed.append(await erase(room, limit))
        return removed[-1]

    monkeypatch.setattr(w.store, "erase", noted)
    for _ in range(6):
        await w.cleanup.clean()
    assert max(removed) == 20
    assert sum(removed) == 282


async def test_where_all_is_kept_nothing_is_removed(w: World) -> None:
    await talk(w, 150, RoomChanged(slow_ms=1))
    before = await types(w)
    w.wall.days(29)
    await w.cleanup.clean()
    assert await types(w) == before
