"""Kinds of rooms and their settings, through the SDK, against a real server: what one side sets, the other side lives by."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.client import MessageSent, OtherEvent, Refused, Room, RoomChanged, connect
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running_server(tmp_path) as server:
        yield server


async def refusal(room: Room, text: str = "hey") -> str:
    with pytest.raises(Refused) as refused:
        await room.send(text)
    return refused.value.code


async def changed(room: Room) -> None:
    """Wait until a room tells of its next change."""
    async with asyncio.timeout(PATIENCE_S):
        async for item in room:
            if isinstance(item, RoomChanged):
                return


async def test_archiving_and_announcing_hold_at_once(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        await mina.create("yard")
        minas, boras = await mina.join("yard"), await bora.join("yard")
        await minas.change(write="moderators")
        await changed(boras)
        assert (boras.write, await refusal(boras)) == ("moderators", "forbidden")
        await minas.send("an announcement")
        await minas.change(write="everyone", archived=True)
        await changed(boras)
        assert boras.archived
        assert [await refusal(room) for room in (minas, boras)] == ["archived", "archived"]
        assert [m.text for m in (await boras.history()).messages] == ["an announcement"]
        (listed,) = [mine async for mine in bora.rooms() if mine.room == "yard"]
        assert listed.archived
        await minas.change(archived=False)
        assert await minas.change(archived=False) is None
        await boras.send("hey")


async def test_a_direct_room_is_the_same_from_both_sides(server: Server) -> None:
    async with (
        connect(server.direct_url, guest="Mina") as mina,
        connect(server.direct_url, guest="Bora") as bora,
        connect(server.direct_url, guest="Cho") as cho,
    ):
        minas = await mina.direct(bora.user.id)
        await minas.send("psst")
        (listed,) = [mine async for mine in bora.rooms()]
        assert (listed.room, listed.access, listed.peer, listed.unread) == (minas.id, "direct", mina.user.id, 1)
        boras = await bora.direct(mina.user.id)
        assert boras.id == minas.id
        assert [event.text for event in boras.recent if isinstance(event, MessageSent)] == ["psst"]
        with pytest.raises(Refused) as refused:
            await cho.join(minas.id)
        assert refused.value.code == "not_found"
        with pytest.raises(Refused) as refused:
            await boras.kick(mina.user.id)
        assert refused.value.code == "forbidden"


async def test_who_comes_later_sees_what_happened_since(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        await mina.create("yard")
        minas = await mina.join("yard")
        old = await minas.send("of before")
        await minas.change(history="joined")
        boras = await bora.join("yard", limit=200)
        assert [event.user for event in boras.recent] == [bora.user.id]
        await minas.edit(old.seq, "of before, too")
        new = await minas.send("new")
        async with asyncio.timeout(PATIENCE_S):
            told = [await anext(boras) for _ in range(2)]
        assert isinstance(told[0], OtherEvent) and (told[0].kind, told[0].user) == ("event.hidden", "")
        assert isinstance(told[1], MessageSent) and told[1].seq == new.seq
        assert [m.seq for m in (await boras.history()).messages] == [new.seq]
        with pytest.raises(Refused) as refused:
            await boras.send("what was it?", reply_to=old.seq)
        assert refused.value.code == "not_found"
