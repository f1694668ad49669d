"""Signs of life come typed, one user each, and only the last value of each waits."""

import pytest

from madang.client import Behind, Online, OnlineCount, OpenReports, ReadTo, Skipped, Typing
from madang.client.notices import Notices
from tests.unit.client.fakes import World, event, settle


async def test_frames_become_notices() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket)
    notices = room.notices()
    assert room.notices() is notices
    socket.say(
        {"op": "typing", "room": "yard", "on": {"u2": "Bora"}, "off": ["u3"]},
        {"op": "read", "room": "yard", "readers": {"u2": 5}},
        {"op": "reports", "room": "yard", "open": 2},
        {"op": "presence", "room": "yard", "count": 2, "online": {"u2": "Bora"}, "offline": ["u3"]},
        {"op": "skip", "room": "yard", "from": 1, "to": 3},
        {"op": "behind", "room": "yard", "seq": 9, "from": 3},
        {"op": "typing", "room": "hall", "on": {"u2": "Bora"}, "off": []},
        event(4),
    )
    assert (await anext(room)).seq == 4  # the skip has moved the position
    await world.client.close()
    assert [notice async for notice in notices] == [
        Typing("yard", "u2", "Bora", True),
        Typing("yard", "u3", "", False),
        ReadTo("yard", "u2", 5),
        OpenReports("yard", 2),
        Online("yard", "u2", "Bora", True),
        Online("yard", "u3", "", False),
        OnlineCount("yard", 2),
        Skipped("yard", 1, 3),
        Behind("yard", 9, 3),
    ]
    assert [notice async for notice in room.notices()] == []


async def test_the_last_value_wins_and_the_oldest_is_dropped() -> None:
    notices = Notices(bound=2)
    notices.put(Typing("yard", "a", "A", True))
    notices.put(ReadTo("yard", "a", 1))
    notices.put(Typing("yard", "a", "", False))
    assert await anext(notices) == ReadTo("yard", "a", 1)
    notices.put(ReadTo("yard", "b", 1))
    notices.put(ReadTo("yard", "c", 1))
    assert [await anext(notices), await anext(notices)] == [ReadTo("yard", "b", 1), ReadTo("yard", "c", 1)]
    notices.end()
    with pytest.raises(StopAsyncIteration):
        await anext(notices)


async def test_nobody_asking_means_nothing_kept() -> None:
    world = World()
    socket = await world.enter()
    room = await world.join(socket)
    socket.say({"op": "read", "room": "yard", "readers": {"u2": 5}})
    await settle()
    await world.client.close()
    assert [notice async for notice in room.notices()] == []
