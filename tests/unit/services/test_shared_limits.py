"""A flooder with sockets on three nodes has one rate, and the neighbours have theirs. In virtual time, over real buses."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.events import Event
from madang.core.rate import Rate
from madang.errors import Limited
from madang.ports.bus import EVERYWHERE, MAX_SIGNAL, Bus, Signal
from madang.services import shared_limits as module
from madang.services.limits import NEGLIGIBLE, Limits, Rates, Spending
from madang.services.shared_limits import MOST, TICK_S, SharedLimits
from madang.testing import LossyBus, VirtualLoop

RATE, BURST, NODES = 10, 30, 3
RATES = Rates(user=Rate(RATE, BURST), room=Rate(20, 40), address=Rate(50, 500))
OVERSHOOT = NODES * BURST + (NODES - 1) * RATE * TICK_S
STEP_S = 0.01


class Node:
    """The limits of a node and how it shares them. What its bus hears, it keeps, too."""

    def __init__(self, n: int, bus: Bus) -> None:
        self.bus = bus
        self.limits = Limits(RATES, shared=True)
        self.shared = SharedLimits(f"node-{n}", self.limits, bus, asyncio.get_running_loop().time)
        self.signals: list[Signal] = []

    def receive(self, events: Sequence[Event]) -> None: ...

    def heads_seen(self, heads: Mapping[str, int]) -> None: ...

    def check_soon(self) -> None: ...

    def signal(self, signal: Signal) -> None:
        self.signals.append(signal)
        self.shared.receive(signal)

    def passes(self, user: str, room: str, slow_ms: int = 0) -> bool:
        try:
            self.limits.appends.append(user, room, asyncio.get_running_loop().time(), slow_ms)
        except Limited:
            return False
        return True


def told(story: Callable[[list[Node]], Awaitable[None]], spoil: Callable[[MemoryBus, int], Bus] | None = None) -> None:
    async def tell() -> None:
        broker = MemoryBroker()
        buses: list[MemoryBus] = [MemoryBus(broker) for _ in range(NODES)]
        nodes = [Node(n, spoil(bus, n) if spoil else bus) for n, bus in enumerate(buses)]
        for node in nodes:
            await node.bus.start(node)
        parts = [asyncio.ensure_future(node.shared.run()) for node in nodes]
        await story(nodes)
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        for node in nodes:
            await node.bus.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(tell())


async def flood(nodes: list[Node], seconds: float, *, rooms: int = 7, slow_ms: int = 0) -> int:
    """Try on every node, as often as a flooder does; gives how often that got through."""
    passed = 0
    for step in range(int(seconds / STEP_S)):
        passed += sum(node.passes("flooder", f"room-{step % rooms}", slow_ms) for node in nodes)
        await asyncio.sleep(STEP_S)
    return passed


def test_a_flooder_on_three_nodes_has_one_rate() -> None:
    async def story(nodes: list[Node]) -> None:
        assert await flood(nodes, 60) <= 60 * RATE + OVERSHOOT
        for _ in range(3):
            assert await flood(nodes, 10) <= 10 * RATE + NODES * (RATE * TICK_S + 1), "in any few seconds thereafter"
        assert await flood(nodes, 60) == pytest.approx(60 * RATE, rel=0.05), "no more, and no less"

    told(story)


def test_neighbours_in_other_rooms_are_untouched() -> None:
    async def story(nodes: list[Node]) -> None:
        async def neighbour(name: str, node: Node) -> None:
            for _ in range(300):
                assert node.passes(name, f"at-home-{name}"), "refused though within their rate"
                await asyncio.sleep(1.01 / RATE)

        flooding = asyncio.ensure_future(flood(nodes, 30))
        await asyncio.gather(*(neighbour(f"{n}-{m}", node) for n, node in enumerate(nodes) for m in range(5)))
        await flooding

    told(story)


def test_slow_mode_is_one_message_per_node_and_then_one_per_wait() -> None:
    async def story(nodes: list[Node]) -> None:
        at_once = await flood(nodes, 1, rooms=1, slow_ms=7000)
        assert at_once <= NODES
        for node in nodes:
            assert not node.passes("flooder", "room-0", 7000)
        passed = sum([node.passes("other", "room-0", 7000) for node in nodes])
        assert passed == NODES, "nobody knows yet"
        for _ in range(2000):
            passed += sum(node.passes("other", "room-0", 7000) for node in nodes)
            await asyncio.sleep(0.1)
        assert 200 / 7 - 1 <= passed <= 200 / 7 + 2 * NODES

    told(story)


def test_a_room_and_an_address_are_shared_too() -> None:
    async def story(nodes: list[Node]) -> None:
        here, there, _ = nodes
        now = asyncio.get_running_loop().time
        for n in range(40):
            assert here.passes(f"u-{n}", "full")
        for _ in range(20):
            here.limits.addresses.guest("10.0.0.9", now())
        here.limits.addresses.handshake("10.0.0.9", now())
        here.limits.addresses.flooded("10.0.0.9", now())
        await asyncio.sleep(TICK_S * 1.1)
        assert not there.passes("somebody", "full") and there.passes("somebody", "empty")
        assert there.shared.charged == Counter(room=40, user=40, address=20 + 1 + 25)
        assert here.shared.charged == Counter()

    told(story)


def lossy(lose: float, repeat: float, delay: float) -> Callable[[MemoryBus, int], Bus]:
    return lambda bus, n: LossyBus(bus, n, lose=lose, repeat=repeat, delay=delay, late_s=0.3)


def test_loss_only_loosens() -> None:
    async def story(nodes: list[Node]) -> None:
        passed = await flood(nodes, 60)
        assert 60 * RATE < passed < NODES * 60 * RATE

    told(story, lossy(0.5, 0.0, 0.0))


def test_what_the_bus_repeats_is_charged_once() -> None:
    async def story(nodes: list[Node]) -> None:
        passed = await flood(nodes, 60)
        assert 60 * RATE <= passed <= 60 * RATE + OVERSHOOT

    told(story, lossy(0.0, 1.0, 0.0))


def test_what_is_told_is_bounded_and_the_largest_shares_go_first() -> None:
    async def story(nodes: list[Node]) -> None:
        here, there, _ = nodes
        for n in range(MOST):
            assert here.passes(f"user-{n:04d}", f"room-{n}")
        for n in range(100):
            for _ in range(BURST // 2):
                assert here.passes(f"busy-{n}", f"busy-{n}-{_}")
        await asyncio.sleep(TICK_S * 1.1)
        assert there.shared.charged["user"] == 100 * (BURST // 2) + MOST - 100
        assert all(len(signal.value) <= MAX_SIGNAL for signal in there.signals)
        count = len(there.signals)
        await asyncio.sleep(TICK_S * 10)
        assert len(there.signals) == count, "who spends nothing says nothing"

    told(story)


def test_what_is_far_below_a_rate_is_not_told() -> None:
    limits = Limits(Rates(user=Rate(0, 0), room=Rate(2000, 4000)), shared=True)
    least = 2000 * TICK_S * NEGLIGIBLE
    for n in range(10):
        limits.appends.append("u", "quiet" if n < least - 1 else "busy", 1000.0)
    for _ in range(10):
        limits.appends.append("u", "busy", 1000.0)
    assert [spent.key for spent in limits.spent(TICK_S, 10)] == ["busy"]


def test_a_single_node_keeps_nothing_for_others() -> None:
    async def alone() -> None:
        limits = Limits(RATES)
        limits.appends.append("u", "room", 1000.0, 100)
        limits.addresses.guest("10.0.0.1", 1000.0)
        assert limits.spent(TICK_S, 10) == []
        await SharedLimits("alone", limits, MemoryBus(), asyncio.get_running_loop().time).run()

    asyncio.run(alone())


def test_kinds_of_later_versions_are_passed_over_and_nodes_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(nodes: list[Node]) -> None:
        shared = nodes[0].shared
        monkeypatch.setattr(module, "NODES", 3)
        for n in range(10):
            shared.receive(Signal(EVERYWHERE, module.SPENT, f"other-{n}/1", b'[1,[["karma","u",3,"more"]],"more"]'))
        assert shared.nodes <= 3
        nodes[0].limits.charge(Spending("user", "u", BURST), asyncio.get_running_loop().time())
        assert not nodes[0].passes("u", "room")

    told(story)
