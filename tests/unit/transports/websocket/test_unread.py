"""What one socket may have unread: whoever does not read a page is not given another, in whatever framing."""

import json

from madang.core.bounds import ANSWER_BYTES
from madang.transports.node import Node
from madang.transports.subscriber import HIGH_WATER, LOW_WATER
from madang.transports.websocket.framing import PLAIN
from tests.unit.transports.peers import Peer, greeted, message
from tests.waiting import eventually, turns

LARGE = "x" * 3900
ASKED = 12


async def fat(node: Node, count: int = 130) -> Peer:
    """A room with more than one page."""
    owner = await greeted(node)
    for n in range(count):
        assert (await owner.ask(**message(100 + n, text=LARGE)))["op"] == "ok"
    return owner


def history(n: int) -> dict[str, object]:
    return {"op": "history", "n": n, "room": "yard", "limit": 200}


def members(n: int) -> dict[str, object]:
    return {"op": "members", "n": n, "room": "yard"}


async def test_who_does_not_read_is_given_one_page(node: Node) -> None:
    await fat(node)
    reader = await greeted(node, "Bora")
    reader.transport.stuck = True
    reader.tell(*(history(10 + n) for n in range(ASKED)))
    await eventually(lambda: reader.transport.unsent)
    await turns(100)
    assert ANSWER_BYTES / 2 < reader.transport.most_unsent <= HIGH_WATER + 100
    assert node.memory.held["answers"] <= 2 * ANSWER_BYTES
    reader.transport.stuck = False
    reader.transport.read()
    for n in range(ASKED):
        page = await reader.answer(10 + n)
        assert (page["op"], page["more"]) == ("ok", True)
    assert reader.transport.most_unsent <= HIGH_WATER + 100


async def test_a_page_waits_until_what_is_unread_leaves_room_for_it(node: Node) -> None:
    """Events may have come while it was read."""
    await fat(node)
    reader = await greeted(node, "Bora")
    reader.transport.stuck = True
    while len(reader.transport.unsent) <= LOW_WATER:
        reader.connection.send(PLAIN.text(json.dumps({"op": "x", "x": LARGE}).encode()))
    reader.tell(history(10))
    await turns(100)
    assert len(reader.transport.unsent) < 2 * LOW_WATER
    reader.transport.read()
    await eventually(lambda: len(reader.transport.unsent) > ANSWER_BYTES / 2)


async def test_who_goes_while_a_page_waits_leaves_nothing(node: Node) -> None:
    await fat(node)
    reader = await greeted(node, "Bora")
    reader.transport.stuck = True
    reader.tell(history(10), history(11), history(12))
    await eventually(lambda: reader.transport.unsent)
    await turns(100)
    reader.transport.abort()
    await eventually(lambda: reader.transport.lost and not node.turns.tasks)
    await eventually(lambda: not node.memory.held["answers"])


async def test_an_answer_to_join_counts_until_it_is_read(node: Node) -> None:
    await fat(node)
    reader = Peer(node, "10.0.0.9").connect()
    assert (await reader.ask(op="hello", n=1, guest="Cleo"))["op"] == "ok"
    held: list[int] = []
    written = reader.transport.write

    def write(data: bytes) -> None:
        held.append(node.memory.held["answers"])
        written(data)

    reader.connection.write_now = write
    assert (await reader.ask(op="join", n=2, room="yard", limit=50))["op"] == "ok"
    assert max(held) > 150_000
    await eventually(lambda: not node.memory.held["answers"])


async def test_a_socket_that_is_read_is_live_again_behind_a_page(node: Node) -> None:
    owner = await fat(node)
    reader = await greeted(node, "Bora")
    reader.transport.stuck = True
    reader.tell(history(10), members(11))
    await eventually(lambda: reader.transport.unsent)
    await owner.ask(**message(900, text="behind the page"))
    await turns(50)
    reader.transport.stuck = False
    reader.transport.read()
    await reader.answer(11)
    await eventually(lambda: [f for f in reader.of("event") if f.get("text") == "behind the page"])
    assert reader.transport.high == HIGH_WATER
    reader.strict("yard")
