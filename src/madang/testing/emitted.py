"""`check_emitted`: the promises of `ports.emitted`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count

from madang.aio import cancelled
from madang.ports.emitted import TAKEN, Emitted
from madang.testing.rules import named

Publish = Callable[[bytes], Awaitable[object]]
MANY = 3 * TAKEN
LOOK_S = 0.02


class Listener:
    """What is handed on to one node; `open` lets it take, and is set at first."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()
        self._taking = False

    async def take(self, packets: Sequence[bytes]) -> None:
        """Take packets."""
        assert not self._taking, "handed on while it was at work"
        assert 0 < len(packets) <= TAKEN
        self._taking = True
        self.packets += packets
        await self.open.wait()
        self._taking = False


async def check_emitted(make: Callable[[], Emitted], publish: Publish) -> None:
    """Check that a courier of what others emit keeps its contract.

    Args:
        make: returns what hears on one node; all that it returns hear the same emitters, and nobody else does meanwhile.
        publish: publishes a packet as an emitter does.
    """
    for rule in (packets_come_in_order, nothing_is_read_while_it_works, one_of_two_hears, another_hears_on):
        await named(rule, make, publish)


@asynccontextmanager
async def _listening(make: Callable[[], Emitted]) -> AsyncIterator[Listener]:
    listener = Listener()
    running = asyncio.create_task(make().run(listener.take))
    try:
        yield listener
    finally:
        await cancelled([running])


async def _heard(publish: Publish, *listeners: Listener) -> None:
    """Publish until something is heard; what was published before that has come, or never does."""
    for n in count():
        packet = b"heard %d" % n
        await publish(packet)
        for _ in range(5):
            if any(packet in each.packets for each in listeners):
                for each in listeners:
                    each.packets.clear()
                return
            await asyncio.sleep(LOOK_S)


async def _come(last: bytes, *listeners: Listener) -> None:
    while not any(last in each.packets for each in listeners):  # noqa: ASYNC110 - any of them may be the one
        await asyncio.sleep(LOOK_S)


async def packets_come_in_order(make: Callable[[], Emitted], publish: Publish) -> None:
    """Packets are handed on whole, each once, in the order they were published, TAKEN at most together."""
    sent = [bytes([n % 256]) * (n % 50) + b"\r\n%d" % n for n in range(MANY)]
    async with _listening(make) as one:
        await _heard(publish, one)
        for packet in sent:
            await publish(packet)
        await _come(sent[-1], one)
        assert one.packets == sent


async def nothing_is_read_while_it_works(make: Callable[[], Emitted], publish: Publish) -> None:
    """What comes while `take` is at work is handed on after it, in order, as long as that takes a moment only."""
    sent = [b"%d" % n for n in range(TAKEN)]
    async with _listening(make) as one:
        await _heard(publish, one)
        one.open.clear()
        await publish(sent[0])
        await _come(sent[0], one)
        for packet in sent[1:]:
            await publish(packet)
        assert len(one.packets) < len(sent)
        one.open.set()
        await _come(sent[-1], one)
        assert one.packets == sent


async def one_of_two_hears(make: Callable[[], Emitted], publish: Publish) -> None:
    """Of two nodes that listen, one is handed a packet."""
    async with _listening(make) as one, _listening(make) as two:
        await _heard(publish, one, two)
        for n in range(MANY):
            await publish(b"%d" % n)
        await _come(b"%d" % (MANY - 1), one, two)
        assert [*one.packets, *two.packets] == [b"%d" % n for n in range(MANY)]


async def another_hears_on(make: Callable[[], Emitted], publish: Publish) -> None:
    """When the one that listens ends, another does, and is handed nothing that the first was."""
    async with _listening(make) as two:
        async with _listening(make) as one:
            await _heard(publish, one, two)
        had = {*one.packets}
        await _heard(publish, two)
        await publish(b"after it")
        await _come(b"after it", two)
        assert two.packets == [b"after it"] and not had & {*two.packets}
