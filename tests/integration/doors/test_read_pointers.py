"""A read pointer never falls, in nobody's eyes and in no answer: through every pair of doors, devices and nodes."""

from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path

import msgspec
import pytest

from madang.core.actors import Actor
from madang.core.messages import Content
from madang.core.rooms import Membership
from madang.delivery import ephemeral
from madang.node.run import RunningNode
from madang.services.standing import Standing
from tests.integration.doors.doors import DOORS, Native, NativeVisitor
from tests.integration.doors.stage import address, metered_node, token

ARA, BORA = Actor(id="u-ara", name="Ara"), Actor(id="u-bora", name="Bora")
ROOM = "plaza"
SEQ = 12


async def furnish(node: RunningNode) -> None:
    """A room of Bora and Ara, with messages up to SEQ."""
    parts = node.node
    await parts.rooms.create(BORA, ROOM, "", "open")
    await parts.rooms.enter(ARA, ROOM)
    for n in range(SEQ - 2):
        draft = parts.posting.send(BORA, Standing("owner", 0), ROOM, f"c-{n}", Content(text="hello"))
        await parts.appender.append(draft)


async def pointer(node: RunningNode) -> int:
    (room,) = msgspec.json.decode((await node.node.reading.memberships(ARA, "", 10)).text, type=list[Membership])
    return room.read_seq


async def read_notices(node: RunningNode, bora: NativeVisitor) -> list[int]:
    """What Bora hears of how far Ara has read, up to a sign that comes behind all of it."""
    node.node.hub.announce(ephemeral.typing(ROOM, "u-end", "End"))
    frames = await bora.hear_until(lambda frame: frame["op"] == "typing" and "u-end" in frame["on"])
    await bora.ask("ping")
    frames += bora.heard
    bora.heard = []
    node.node.hub.announce(ephemeral.typing(ROOM, "u-end", None))
    await bora.hear_until(lambda frame: frame["op"] == "typing" and "u-end" in frame["off"])
    return [frame["readers"][ARA.id] for frame in frames if frame["op"] == "read"]


@pytest.mark.parametrize(("first", "second"), list(product(DOORS, DOORS)))
async def test_what_one_door_moved_another_does_not_move_back(first: str, second: str, tmp_path: Path) -> None:
    async with metered_node(tmp_path) as node, AsyncExitStack() as stack:
        await furnish(node)
        url = address(node)
        bora = await stack.enter_async_context(Native().open(url, token(node, BORA), [ROOM]))
        devices = [
            await stack.enter_async_context(DOORS[name].open(url, token(node, ARA), [ROOM])) for name in (first, second)
        ]
        heard = []
        answers = []
        for device, seq in ((0, 8), (1, 4), (0, 6), (1, 9), (0, 9), (1, 2), (0, 10**6)):
            outcome = await devices[device].do("read", ROOM, seq=seq)
            assert outcome.code is None
            if outcome.fields:
                answers.append((device, outcome.fields["read_seq"]))
            heard += await read_notices(node, bora)
        assert heard == [8, 9, SEQ]
        assert await pointer(node) == SEQ
        stood = [8, 8, 8, 9, 9, 9, SEQ]
        names = [first, second] * 3 + [first]
        assert [seq for _, seq in answers] == [seq for seq, name in zip(stood, names, strict=True) if name == "rest"]
