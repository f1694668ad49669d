"""What the tests of buses over a broker share: buses that are opened and started, and what they hear."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from madang.adapters.bus.courier import CourierBus
from madang.adapters.bus.options import BusOptions
from madang.core.events import Event, MessageSent
from madang.core.signing import Keyring, lone_keyring
from madang.testing.bus import Inbox
from tests.waiting import PATIENCE_S

KEYS = lone_keyring(bytes(range(32)))
OTHERS = lone_keyring(b"another secret" * 3)
Connect = Callable[[str, BusOptions], AbstractAsyncContextManager[CourierBus]]


def event(room: str, seq: int, body: bytes = b"{}") -> Event:
    return Event(room, seq, seq, MessageSent.type, "u", "n", seq, body)


@asynccontextmanager
async def opened(
    connect: Connect, url: str, node: str, keys: Keyring = KEYS, strategy: str = "partition"
) -> AsyncIterator[CourierBus]:
    """A bus that is not started; it is stopped in the end."""
    async with connect(url, BusOptions(keys, node, presence_ttl_s=60, channels=strategy)) as bus:
        try:
            yield bus
        finally:
            await bus.stop()


@asynccontextmanager
async def pair(
    connect: Connect, url: str, elsewhere: str = "", keyrings: tuple[Keyring, Keyring] = (KEYS, KEYS)
) -> AsyncIterator[tuple[CourierBus, CourierBus, Inbox]]:
    """Two started buses, and what the second one hears."""
    inboxes = Inbox(), Inbox()
    async with (
        opened(connect, url, "node-0", keyrings[0]) as here,
        opened(connect, elsewhere or url, "node-1", keyrings[1]) as there,
    ):
        for bus, inbox in zip((here, there), inboxes, strict=True):
            await bus.start(inbox)
        yield here, there, inboxes[1]


async def said_until_heard(here: CourierBus, heard: Inbox, said: Event) -> None:
    """Publish it again until it arrives: any one may be lost, but not all."""

    async def saying() -> None:
        while said not in heard.events:
            here.publish([said])
            await asyncio.sleep(0.01)

    await asyncio.wait_for(saying(), PATIENCE_S)
