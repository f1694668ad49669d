"""A node that is told to stop is gone within 10 s, whatever does not answer: its clients, its storage, the other nodes."""

import asyncio
from types import SimpleNamespace
from typing import Any

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.events import MessageSent, draft
from madang.core.ids import IdSource
from madang.node.run import drain, running_parts
from madang.testing import FakeClock, LossyBus, ModelStore, VirtualLoop
from tests.unit.delivery.nodes import OWNER, YARD, Wrapped
from tests.unit.services.assembled import assembled

GONE_S = 10.0  # as docs/guides/operating.md says


async def forever() -> None:
    await asyncio.Event().wait()


class Silent(Wrapped):
    """A store that takes appends and never answers."""

    async def append(self, drafts: Any) -> None:
        await forever()


class Peer:
    """A connection that neither reads nor answers."""

    def __init__(self) -> None:
        self.transport = self
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_nothing_that_does_not_answer_holds_it_up() -> None:
    loop = VirtualLoop()
    peer = Peer()
    listener: Any = SimpleNamespace(servers=[], should_exit=False, server_state=SimpleNamespace(connections={peer}))

    async def stop() -> float:
        bus = LossyBus(MemoryBus(MemoryBroker()), 1)
        node = assembled(Silent(ModelStore(IdSource(1), FakeClock())), bus=bus)
        serving = loop.create_task(forever())
        async with running_parts(node.parts, failed=lambda: None):
            bus.cut = True
            answers: list[Any] = []
            node.appender.submit(draft(MessageSent(text="hello"), YARD, OWNER.id, OWNER.name), answers.append)  # type: ignore[arg-type]
            began = loop.time()
            await drain(node, [listener], [serving])
        assert peer.aborted and listener.should_exit
        return loop.time() - began

    took = loop.run_until_complete(stop())
    loop.close()
    assert took <= GONE_S
