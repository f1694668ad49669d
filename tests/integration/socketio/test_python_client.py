"""The stock Python client: rooms, acks, errors, its end; over WebSockets, by polls, and by the upgrade between them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from socketio import AsyncClient
from socketio.exceptions import ConnectionError as NotConnected

from madang.core.actors import Actor
from madang.core.erasure import KEEP
from madang.node.run import RunningNode
from tests.waiting import eventually

ALL = pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]], ids="-".join)


@asynccontextmanager
async def _client(url: str, transports: Sequence[str], **auth: Any) -> AsyncIterator[tuple[AsyncClient, list[Any]]]:
    """Connect, and note all events."""
    client, heard = AsyncClient(reconnection=False), []

    async def hear(event: str, *arguments: Any) -> None:
        heard.append((event, *arguments))

    client.on("*", hear)
    try:
        await client.connect(url, auth=auth, transports=list(transports))
        yield client, heard
    finally:
        await client.disconnect()


@ALL
async def test_people_talk(url: str, transports: list[str]) -> None:
    room = "py-" + "-".join(transports)
    async with (
        _client(url, transports, guest="Mina") as (mina, heard),
        _client(url, ["websocket"], guest="Bora") as (bora, heard_by_bora),
    ):
        assert (await mina.call("create", {"room": room, "title": room}))["seq"] == 1
        for client in (mina, bora):
            assert (await client.call("join", {"room": room}))["room"]["id"] == room
        for n in range(10):
            assert "seq" in await mina.call("send", {"room": room, "text": f"{n}"})
        for heard_by in (heard, heard_by_bora):
            await eventually(lambda heard_by=heard_by: len(_said(heard_by)) == 10)  # type: ignore[misc]
            assert _said(heard_by) == [f"{n}" for n in range(10)]
        assert (await bora.call("send", {"room": room, "text": ""}))["error"]["code"] == "empty"
        assert (await bora.call("send", b"\1\2"))["error"]["code"] == "bad_field"
        assert (await bora.call("nothing"))["error"]["code"] == "unknown_op"


def _said(heard: list[Any]) -> list[str]:
    return [event[1]["text"] for event in heard if event[0] == "message.sent"]


@ALL
async def test_who_is_refused_learns_why(url: str, transports: list[str]) -> None:
    client, problems = AsyncClient(reconnection=False), []

    async def refused(problem: Any) -> None:
        problems.append(problem["data"]["code"])

    client.on("connect_error", refused)
    with pytest.raises(NotConnected):
        await client.connect(url, auth={"token": "no"}, transports=transports)
    await eventually(lambda: problems == ["bad_token"])
    await client.disconnect()


@ALL
async def test_who_is_deleted_is_disconnected(node: RunningNode, url: str, transports: list[str]) -> None:
    async with _client(url, transports, guest="Mina") as (mina, heard):
        hello = await eventually(lambda: [event[1] for event in heard if event[0] == "hello"])
        user = hello[0]["user"]
        await node.node.users.delete_own(Actor(id=user["id"], name=user["name"]), KEEP)
        await mina.wait()
        assert not mina.connected
