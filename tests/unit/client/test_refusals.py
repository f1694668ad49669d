"""What the client does about every error of protocol/codes.toml, in answer to a hello, a join, a write and a read."""

import asyncio
from typing import Any

import pytest

from madang.client import Refused
from madang.codes import ERRORS
from tests.unit.client.fakes import FakeSocket, World, settle

ROOM = "yard"
WITH_WAIT: dict[str, Any] = {"retry_ms": 300}
KEPT = {name for name, code in ERRORS.items() if code.then in ("wait", "try", "reconnect")}
TOLD = {name for name, code in ERRORS.items() if code.then == "tell"}
CONSEQUENCES = {name for name, code in ERRORS.items() if code.then in ("join", "hello")}


async def joined(world: World) -> tuple[FakeSocket, Any]:
    socket = await world.enter()
    return socket, await world.join(socket)


def test_every_code_has_a_rule() -> None:
    assert set(ERRORS) == KEPT | TOLD | CONSEQUENCES
    assert {"not_member", "hello_first"} == CONSEQUENCES
    for name, code in ERRORS.items():
        assert code.temporary == (name in KEPT), name


@pytest.mark.parametrize("code", sorted(KEPT))
@pytest.mark.parametrize("wait", [{}, WITH_WAIT])
async def test_a_write_is_kept_in_its_place(code: str, wait: dict[str, Any]) -> None:
    world = World()
    socket, room = await joined(world)
    sends = [asyncio.ensure_future(room.send(text)) for text in ("one", "two")]
    first = await socket.refuse(code, **wait)
    await settle()
    await socket.nothing()
    await world.clock.advance(world.clock.next_s())
    assert await socket.ack(1) == first, "with its old cid, and before what comes behind it"
    assert (await socket.ack(2))["text"] == "two"
    assert [sent.seq for sent in await asyncio.gather(*sends)] == [1, 2]
    await world.client.close()


@pytest.mark.parametrize("code", sorted(TOLD))
@pytest.mark.parametrize("wait", [{}, WITH_WAIT])
async def test_a_write_that_is_refused_for_good_is_told_and_the_next_goes_on(code: str, wait: dict[str, Any]) -> None:
    """A wait of hours is told, too, and holds nobody up."""
    world = World()
    socket, room = await joined(world)
    first, second = (asyncio.ensure_future(room.send(text)) for text in ("one", "two"))
    await socket.refuse(code, **wait)
    assert (await socket.ack(1))["text"] == "two"
    with pytest.raises(Refused) as refused:
        await first
    assert refused.value.code == code
    assert (await second).seq == 1
    await world.client.close()


@pytest.mark.parametrize("code", sorted(KEPT))
@pytest.mark.parametrize("wait", [{}, WITH_WAIT])
async def test_what_was_pipelined_behind_a_join_refused_for_now_is_kept(code: str, wait: dict[str, Any]) -> None:
    world = World()
    socket, room = await joined(world)
    sends = [asyncio.ensure_future(room.send(text)) for text in ("one", "two")]
    one = await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.refuse(code, **wait)  # the join
    assert await socket.refuse("not_member") == one
    await settle()
    await socket.nothing()
    await world.clock.advance(world.clock.next_s())
    await socket.let_in()
    assert await socket.ack(1) == one
    await socket.ack(2)
    assert [sent.seq for sent in await asyncio.gather(*sends)] == [1, 2]
    await world.client.close()


@pytest.mark.parametrize("code", sorted(TOLD))
async def test_what_was_pipelined_behind_a_join_refused_for_good_is_told(code: str) -> None:
    world = World()
    socket, room = await joined(world)
    sends = [asyncio.ensure_future(room.send(text)) for text in ("one", "two")]
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.welcome()
    await socket.refuse(code)
    await socket.refuse("not_member")
    await socket.refuse("not_member")
    for told in await asyncio.gather(*sends, return_exceptions=True):
        assert isinstance(told, Refused)
    assert room.ended == "refused"
    await world.client.close()


@pytest.mark.parametrize("code", sorted(KEPT | {"hello_first"}))
async def test_what_was_pipelined_behind_a_hello_refused_for_now_is_kept(code: str) -> None:
    world = World()
    socket, room = await joined(world)
    sending = asyncio.ensure_future(room.send("one"))
    one = await socket.got()
    socket.end()
    socket = await world.back()
    await socket.refuse(code, **WITH_WAIT)
    await socket.refuse("hello_first")
    await socket.refuse("hello_first")
    socket = await world.back()
    await socket.welcome()
    await socket.let_in()
    assert await socket.ack(1) == one
    assert (await sending).seq == 1
    await world.client.close()


@pytest.mark.parametrize("code", sorted(TOLD))
async def test_a_hello_refused_for_good_ends_the_client_and_tells_all_who_wait(code: str) -> None:
    world = World()
    socket, room = await joined(world)
    sending = asyncio.ensure_future(room.send("one"))
    await socket.got()
    socket.end()
    socket = await world.back()
    await socket.refuse(code)
    with pytest.raises(Refused) as refused:
        await sending
    assert refused.value.code == code
    await world.client.close()


@pytest.mark.parametrize("code", sorted(ERRORS))
async def test_a_read_is_asked_again_or_refused(code: str) -> None:
    world = World()
    socket, room = await joined(world)
    reading = asyncio.ensure_future(room.history())
    asked = await socket.refuse(code)
    if code in KEPT:
        await settle()
        await world.clock.advance(world.clock.next_s())
        assert await socket.got() == asked
        socket.say({"op": "ok", "n": asked["n"], "messages": [], "more": False})
        assert (await reading).messages == []
    elif code != "hello_first":
        with pytest.raises(Refused):
            await reading
    reading.cancel()
    await world.client.close()


@pytest.mark.parametrize(("wait", "kept"), [({}, False), (WITH_WAIT, True)])
async def test_of_a_code_of_a_newer_server_its_wait_tells(wait: dict[str, Any], kept: bool) -> None:
    world = World()
    socket, room = await joined(world)
    sending = asyncio.ensure_future(room.send("one"))
    first = await socket.refuse("brand_new", **wait)
    if kept:
        await settle()
        await world.clock.advance(world.clock.next_s())
        assert await socket.ack(1) == first
        await sending
    else:
        with pytest.raises(Refused):
            await sending
    await world.client.close()


async def test_what_a_server_fails_at_five_times_is_told() -> None:
    world = World()
    socket = await world.enter()
    joining = asyncio.ensure_future(world.client.join(ROOM))
    for _ in range(4):
        await socket.refuse("internal")
        await settle()
        await world.clock.advance(world.clock.next_s())
    await socket.refuse("internal")
    with pytest.raises(Refused):
        await joining
    await world.client.close()
