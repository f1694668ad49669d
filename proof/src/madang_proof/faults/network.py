"""F33 and F34: what networks do to connections: one direction dies, resets cut frames, bytes come one by one.

The proxy does it to all connections of the load at once. The checker judges what arrives. Here a watcher judges that the
server drops clients that have gone silent, and that they can come back.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Final

from madang_proof.faults.fault import ANYWHERE, Broken
from madang_proof.faults.probe import probing
from madang_proof.faults.watcher import Watcher, until, watching
from madang_proof.testbed.proxy import NORMAL, Conditions
from madang_proof.testbed.testbed import Testbed

PINGS: Final = 3  # intervals after which a silent peer is dropped
GRACE_S: Final = 6.0  # a turn of the timing wheel for each interval, a tick of presence, and a busy machine
ROUNDS: Final = 4
TORN: Final = 3  # watchers whose connections are torn
WITHIN: Final = 500  # bytes that pass before a reset
SLICE_S: Final = 1.5
CUT = Conditions(cut=True)


class OneWay:
    """Cut one direction of every connection.

    The server drops clients that do not answer its pings, and shows nobody as online who is not. Then all may come back and
    resume.
    """

    name = "one-way"
    number = "F33"
    title = "cut one way of every connection, until the server has noticed"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        up = dice.random() < 0.5
        server = testbed.server
        async with (
            probing(server) as ghost,
            watching(ghost, testbed.url) as victim,
            probing(server, ghost.room) as friend,
            watching(friend, server.direct_url) as watcher,
        ):
            await _online(watcher, 2)
            testbed.proxy.change(up=CUT if up else NORMAL, down=NORMAL if up else CUT)
            begun = asyncio.get_running_loop().time()
            try:
                within = PINGS * watcher.ping_s + GRACE_S
                await until(
                    lambda: _is_online(watcher, 1), "an end to the presence of the client that is cut off", within
                )
                took = asyncio.get_running_loop().time() - begun
                for i in range(5):
                    await watcher.ask("send", room=watcher.room, cid=f"missed-{i}", text="while you were away")
            finally:
                testbed.proxy.heal()
            await until(lambda: victim.code is not None, "an end of the connection that was cut")
            await victim.connect(testbed.url)
            await until(lambda: victim.position >= watcher.position, "what was missed")
            if victim.reset or (gap := victim.gap()):
                raise Broken(f"The client that was cut off came back to a gap: {'a reset' if victim.reset else gap}.")
            await _online(watcher, 2)
        return f"cut {'to' if up else 'from'} the server; the silent client was dropped after {took:.1f} s"


async def _is_online(watcher: Watcher, count: int) -> bool:
    found: bool = (await watcher.ask("presence", room=watcher.room))["count"] == count
    return found


async def _online(watcher: Watcher, count: int) -> None:
    await until(lambda: _is_online(watcher, count), f"presence of {count}")


class Tear:
    """Reset connections in the middle of frames, again and again. No part of a message may be stored or delivered."""

    name = "tear"
    number = "F34"
    title = "reset connections (RST) in the middle of frames"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        torn = 0
        async with AsyncExitStack() as stack:
            probe = await stack.enter_async_context(probing(testbed.server))
            companions = [await stack.enter_async_context(watching(probe, testbed.url)) for _ in range(TORN)]
            sent = set()
            for i in range(ROUNDS):
                torn += testbed.proxy.reset(dice, share=0.4, within=WITHIN)
                for number, watcher in enumerate(companions):
                    text = f"torn {i} {number} " + "x" * dice.randrange(2 * WITHIN, 4 * WITHIN)  # so that it is torn
                    sent.add(text)
                    watcher.send(f"torn-{i}-{number}", text)
                await asyncio.sleep(dice.uniform(0.1, 0.4))
                for watcher in companions:
                    if watcher.code is not None:
                        await watcher.connect(testbed.url)
            testbed.proxy.heal()
            stored = [message["text"] for message in await probe.history()]
            if parts := [text[:40] for text in stored if text not in sent]:
                raise Broken(f"A part of a message was stored: {parts}.")
            if len(set(stored)) < len(stored):
                raise Broken("A message that was sent once, and torn, was stored twice.")
        return f"{torn} resets"


class Slice:
    """Deliver bytes one by one: to the server on all connections, from it on some."""

    name = "slice"
    number = "F34"
    title = "deliver bytes one by one"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        sliced = Conditions(sliced=True)
        async with probing(testbed.server) as probe, watching(probe, testbed.url) as watcher:
            testbed.proxy.change(up=sliced)
            try:
                for i in range(5):
                    await watcher.ask("send", room=probe.room, cid=f"slice-{i}", text=f"slice-{i}")
                await asyncio.sleep(SLICE_S)
                met = testbed.proxy.change(up=sliced, down=sliced, dice=dice, share=0.2)
                await asyncio.sleep(SLICE_S)
            finally:
                testbed.proxy.heal()
            await until(lambda: watcher.position >= 6, "every event of five sends")
            if gap := watcher.gap():
                raise Broken(f"Bytes came one by one, and {gap}.")
        return f"byte by byte for {2 * SLICE_S:.0f} s, both ways on {met} connections"
