"""A read pointer that was moved on one node does not fall in the eyes of those on another."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.actors import Actor
from madang.delivery import ephemeral
from madang.transports.node import Node
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.nodes import running_node
from tests.unit.transports.peers import Peer, message
from tests.waiting import eventually

YARD = "yard"


@pytest.fixture
async def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Node]]:
    """Two nodes on one bus, and a room with something to read."""
    monkeypatch.setattr(ephemeral, "TICK_S", 0.01)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened_store(tmp_path))
        broker = MemoryBroker()
        nodes = [
            await stack.enter_async_context(running_node(store, MemoryBus(broker), name=f"node-{n}")) for n in range(2)
        ]
        await nodes[0].rooms.create(OWNER, YARD, "Yard", "open")
        yield nodes


async def follower(node: Node, who: Actor) -> Peer:
    peer = Peer(node).connect()
    peer.tell(
        {"op": "hello", "n": 1, "token": node.identity.tokens.sign(who, node.now()).token},
        {"op": "join", "n": 2, "room": YARD},
    )
    assert (await peer.answer(2))["op"] == "ok"
    return peer


def read_by_ara(peer: Peer) -> list[int]:
    return [frame["readers"]["u-ara"] for frame in peer.of("read")]


@pytest.mark.parametrize("by", ["socket", "request"])
async def test_what_one_node_was_told_another_does_not_move_back(nodes: list[Node], by: str) -> None:
    ara = Actor(id="u-ara", name="Ara")
    boras = [await follower(node, Actor(id=f"u-bora-{n}", name="Bora")) for n, node in enumerate(nodes)]
    devices = [await follower(node, ara) for node in nodes]
    for n in range(10, 20):
        await boras[0].ask(**message(n))
    newest = nodes[0].hub.rooms[YARD].next - 1
    await eventually(lambda: nodes[1].hub.rooms[YARD].next - 1 == newest)

    async def read(node: int, seq: int) -> None:
        if by == "socket":
            devices[node].tell({"op": "read", "room": YARD, "seq": seq})
        else:
            await nodes[node].read_pointers.move(ara, YARD, seq)

    for node, seq, at in ((0, newest - 4, newest - 4), (1, newest - 6, newest - 4), (1, newest - 2, newest - 2)):
        await read(node, seq)
        await eventually(lambda: all(each.hub.rooms[YARD].readers.get("u-ara") == at for each in nodes))  # noqa: B023
        await eventually(lambda: not any(each.hub.ephemeral.waiting for each in nodes))
    await read(0, newest - 5)
    for bora in boras:
        assert await eventually(lambda: len(read_by_ara(bora)) == 2)  # noqa: B023
        assert read_by_ara(bora) == [newest - 4, newest - 2]


async def test_a_join_shows_what_another_device_read_a_moment_ago(nodes: list[Node]) -> None:
    """Before it is written, and on the other node, too, where the room is live."""
    ara = Actor(id="u-ara", name="Ara")
    bora = await follower(nodes[0], Actor(id="u-bora", name="Bora"))
    await follower(nodes[1], Actor(id="u-chul", name="Chul"))
    device = await follower(nodes[0], ara)
    for n in range(10, 20):
        await bora.ask(**message(n))
    newest = nodes[0].hub.rooms[YARD].next - 1
    await device.ask(op="read", n=3, room=YARD, seq=newest)
    await eventually(lambda: nodes[1].hub.rooms[YARD].readers.get("u-ara") == newest)
    for node in nodes:
        another = await follower(node, ara)
        assert (await another.answer(2))["read_seq"] == newest
        (row,) = (await another.ask(op="rooms", n=4))["rooms"]
        assert (row["read_seq"], row["unread"]) == (newest, 0)
