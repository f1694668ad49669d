"""A bus over connections that end at the worst moment, which no real broker can be made to choose."""

import asyncio
import logging
from collections.abc import Collection

from madang.adapters.bus.courier import CourierBus
from madang.adapters.bus.links import Link, Taker
from madang.adapters.bus.options import BusOptions
from madang.core.signing import lone_keyring
from madang.ports.bus import EVERYWHERE, Signal
from madang.testing import VirtualLoop
from madang.testing.bus import Inbox


class Loop:
    """A connection on which everything comes back, unless it is stuck."""

    most = 1 << 20

    def __init__(self, taker: Taker) -> None:
        self.ended = asyncio.Event()
        self.why: object = "the test ends it"
        self.stuck: asyncio.Future[None] | None = None
        self._taker = taker

    async def listen(self, channels: Collection[str]) -> None: ...

    async def ignore(self, channels: Collection[str]) -> None: ...

    async def send(self, channel: str, envelope: bytes) -> None:
        if self.stuck is not None:
            await self.stuck
        self._taker.deliver(channel, envelope)

    async def close(self) -> None:
        self.ended.set()


class Broker:
    """Makes such connections, and remembers them."""

    name = "The test's broker"
    grant = ""
    unreachable: tuple[type[Exception], ...] = (OSError,)

    def __init__(self) -> None:
        self.links: list[Loop] = []

    async def inspect(self) -> list[str]:
        return []

    async def connect(self, taker: Taker) -> Link:
        self.links.append(Loop(taker))
        return self.links[-1]


def test_what_fails_late_on_a_connection_leaves_the_next_one_alone() -> None:
    async def story() -> None:
        broker = Broker()
        options = BusOptions(lone_keyring(bytes(32)), "node", presence_ttl_s=60, channels="partition")
        bus, heard = CourierBus(broker, "madang.", options, logging.getLogger("madang.test")), Inbox()
        await bus.start(heard)
        first = broker.links[0]
        first.stuck = asyncio.get_running_loop().create_future()
        said = Signal(EVERYWHERE, "topic", "key", b"1")
        bus.signal(said)
        await asyncio.sleep(0.1)
        first.ended.set()
        while len(broker.links) < 2:
            await asyncio.sleep(0.1)
        first.stuck.set_exception(ConnectionResetError("late"))
        await asyncio.sleep(0.1)
        assert heard.signals == [said]
        assert len(broker.links) == 2
        await bus.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
