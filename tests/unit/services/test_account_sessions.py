"""Every node learns within a second that a session has ended, whether the bus brings it or not, and after a start."""

import asyncio
from collections.abc import Collection, Container

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.accounts import Account
from madang.core.ids import IdSource
from madang.errors import StorageFailed
from madang.ports.accounts import Ended
from madang.services import account_sessions as module
from madang.services.account_sessions import FORGET_S, KEPT_S, SIGNED_OUT, AccountSessions
from madang.services.polling import POLL_S
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.transports.sessions import Sessions
from tests.unit.services.polled import polling

USER = "account-mina"


class Failing(ModelStore):
    """A store that can be away."""

    away = False

    async def sessions_ended(self, after: Ended, limit: int) -> list[Ended]:
        if self.away:
            raise StorageFailed
        return await super().sessions_ended(after, limit)


class _Closes(Sessions):
    """Open sessions of which it is noted which are signed out."""

    def __init__(self, closed: list[str]) -> None:
        super().__init__()
        self._closed = closed

    def sign_out(self, sessions: Container[str]) -> None:
        assert isinstance(sessions, Collection)
        self._closed.extend(sorted(sessions))


class World:
    """A store with sessions of one user, and nodes that run on it, each by itself or on one bus."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Failing(IdSource(1), self.clock)
        self.tasks: list[asyncio.Task[None]] = []

    async def signed_in(self, *sessions: str) -> None:
        await self.store.add_account(Account(login="mina", user=USER, name="Mina", hash="h"))
        for session in sessions:
            assert await self.store.begin_session(session, USER, "h") == []

    async def node(self, broker: MemoryBroker | None = None) -> tuple[AccountSessions, list[str]]:
        loop, bus, closed = asyncio.get_running_loop(), MemoryBus(broker), list[str]()
        node = AccountSessions(self.store, bus, _Closes(closed), loop.time)
        await bus.start(_Hears(node))
        await node.start()
        polls = await polling(self.store, bus, self.clock, sessions=node)
        self.tasks += [asyncio.create_task(node.run()), asyncio.create_task(polls.run())]
        return node, closed

    async def end(self, node: AccountSessions, session: str) -> None:
        node.end(await self.store.end_sessions(USER, session))


class _Hears:
    """What the hub does with signals for every node."""

    def __init__(self, node: AccountSessions) -> None:
        self._node = node

    def signal(self, signal) -> None:  # type: ignore[no-untyped-def]
        assert signal.topic == SIGNED_OUT
        self._node.receive(signal)

    def receive(self, events: object) -> None: ...
    def heads_seen(self, heads: object) -> None: ...
    def check_soon(self) -> None: ...


def run(story) -> None:  # type: ignore[no-untyped-def]
    async def told() -> None:
        world = World()
        try:
            await story(world)
        finally:
            for task in world.tasks:
                task.cancel()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(told())


def test_the_bus_brings_it_at_once() -> None:
    async def story(w: World) -> None:
        await w.signed_in("s1", "s2")
        broker = MemoryBroker()
        (here, closed), (there, closed_there) = await w.node(broker), await w.node(broker)
        await w.end(here, "s1")
        assert ("s1" in here, closed) == (True, ["s1"])
        await asyncio.sleep(0.05)
        assert ("s1" in there, closed_there) == (True, ["s1"])
        assert "s2" not in there
        await asyncio.sleep(5 * POLL_S)
        assert closed == closed_there == ["s1"], "once"

    run(story)


def test_without_the_bus_it_is_read_within_a_second() -> None:
    async def story(w: World) -> None:
        await w.signed_in("s1", "s2", "s3")
        (here, _), (there, closed) = await w.node(), await w.node()
        for n, session in enumerate(("s1", "s2")):
            w.clock.ms += 1
            await w.end(here, session)
            assert session not in there
            await asyncio.sleep(1.0 + 0.01)
            assert session in there
            assert len(closed) == n + 1
        w.store.away = True
        await w.end(here, "s3")
        await asyncio.sleep(5 * POLL_S)
        assert "s3" not in there
        w.store.away = False
        await asyncio.sleep(POLL_S * 1.01)
        assert closed == ["s1", "s2", "s3"]

    run(story)


def test_an_end_that_is_seen_after_later_ones_is_not_missed() -> None:
    """As that of a transaction that took long."""

    async def story(w: World) -> None:
        await w.signed_in("s1", "s2")
        _, closed = await w.node()
        early = w.clock.ms
        w.clock.ms += module.LATE_MS - 1
        await w.store.end_sessions(USER, "s2")
        await asyncio.sleep(1.01)
        w.clock.ms = early
        await w.store.end_sessions(USER, "s1")
        await asyncio.sleep(1.01)
        assert closed == ["s2", "s1"]

    run(story)


def test_a_node_that_starts_knows_all_that_ended(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "PAGE", 3)

    async def story(w: World) -> None:
        sessions = [f"s{n}" for n in range(10)]
        await w.signed_in(*sessions)
        for session in sessions[:8]:
            w.clock.ms += 5_000
            await w.store.end_sessions(USER, session)
        node, _ = await w.node()
        assert [session in node for session in sessions] == [True] * 8 + [False] * 2
        assert [metric.value for metric in node.metrics()] == [8]

    run(story)


def test_what_no_token_names_any_more_is_forgotten() -> None:
    async def story(w: World) -> None:
        await w.signed_in("s1", "s2", "s3")
        node, _ = await w.node()
        await w.end(node, "s1")
        await asyncio.sleep(1.01)
        w.clock.ms += KEPT_S * 1000 - 1
        await w.end(node, "s2")
        await asyncio.sleep(FORGET_S * 1.1)
        assert "s1" in node
        w.clock.ms += 1 + 2
        await w.end(node, "s3")
        await asyncio.sleep(FORGET_S * 1.1)
        assert ["s1" in node, "s2" in node, "s3" in node] == [False, True, True]
        assert [id for _, id in await w.store.sessions_ended((0, ""), 10)] == ["s2", "s3"]

    run(story)


def test_a_session_that_is_used_is_noted_seldom() -> None:
    async def story(w: World) -> None:
        await w.signed_in("s1")
        node, _ = await w.node()
        made = w.clock.ms
        w.clock.ms += 60_000
        node.seen("s1")
        await asyncio.sleep(module.WRITE_S * 1.5)
        (found,) = await w.store.sessions_of(USER)
        assert (found.made_ms, found.seen_ms) == (made, made + 60_000)
        w.clock.ms += 60_000
        node.seen("s1")
        await asyncio.sleep(module.WRITE_S * 1.5)
        (found,) = await w.store.sessions_of(USER)
        assert found.seen_ms == made + 60_000

    run(story)
