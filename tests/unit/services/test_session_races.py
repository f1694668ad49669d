"""Sessions that end while their tokens are shown, on nodes that hear each other badly: a second later nothing of them is left."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Final

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.accounts import Account
from madang.core.actors import Actor
from madang.core.ids import IdSource
from madang.core.signing import lone_keyring
from madang.errors import Refused
from madang.ports.accounts import Ended
from madang.ports.bus import Signal
from madang.services.account_sessions import AccountSessions
from madang.services.identity import Identity
from madang.services.limits import UNLIMITED, Limits
from madang.services.polling import POLL_S
from madang.services.tokens import Tokens
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.transports.sessions import Sessions
from tests.unit.services.polled import polling

WORLDS: Final = 200
"""Of STEPS each: somebody says hello, or a session is ended, at any moment of what is under way."""
STEPS: Final = 50
SLOW_S: Final = 0.2  # a database that answers late
USER: Final = "account-mina"
NOW: Final = time.time()
TOKENS: Final = Tokens(lone_keyring(b"s" * 32))


class Slow(ModelStore):
    """A store whose answers are late: what they say may be over, or known to others, before they arrive."""

    chance = random.Random()

    async def sessions_ended(self, after: Ended, limit: int) -> list[Ended]:
        found = await super().sessions_ended(after, limit)
        await asyncio.sleep(self.chance.uniform(0, SLOW_S))
        return found

    async def end_sessions(self, user: str, session: str | None = None) -> list[str]:
        await asyncio.sleep(self.chance.uniform(0, SLOW_S))
        ended = await super().end_sessions(user, session)
        await asyncio.sleep(self.chance.uniform(0, SLOW_S))
        return ended


class Open:
    """A connection, as `Sessions` knows it."""

    key = ""
    by = ""

    def __init__(self, node: "Node", user: Actor) -> None:
        self._node = node
        self.user: Actor | None = user

    def rename(self, name: str) -> None: ...

    def revoke(self) -> None:
        self.sign_out("")

    def disconnect(self) -> None:
        self.sign_out("")

    def sign_out(self, reason: str) -> None:
        self._node.connections.remove(self)
        self._node.sessions.discard(self)


class Node:
    """What of a node knows sessions."""

    def __init__(self, store: Slow, broker: MemoryBroker, chance: random.Random, clock: FakeClock) -> None:
        loop = asyncio.get_running_loop()
        self._store = store
        self._chance = chance
        self._clock = clock
        self.bus = MemoryBus(broker)
        self.connections: list[Open] = []
        self.sessions = Sessions()
        self.ended = AccountSessions(store, self.bus, self.sessions, loop.time)
        self.identity = Identity(TOKENS, None, Limits(UNLIMITED), loop.time, self.sessions, ended=self.ended)  # type: ignore[arg-type]

    async def start(self) -> "asyncio.Task[None]":
        await self.bus.start(self)  # type: ignore[arg-type]
        await self.ended.start()
        polls = await polling(self._store, self.bus, self._clock, sessions=self.ended)
        return asyncio.create_task(polls.run())

    def signal(self, signal: Signal) -> None:
        """Receive half of what the bus brings."""
        if self._chance.random() < 0.5:
            self.ended.receive(signal)

    def hello(self, token: str) -> bool:
        """Open a connection, as the native session does: verified and kept in one step."""
        try:
            user = self.identity.verify(token, NOW).user
        except Refused:
            return False
        self.connections.append(Open(self, user))
        self.sessions.add(self.connections[-1])
        return True

    def left(self, session: str) -> int:
        return sum(each.user is not None and each.user.session == session for each in self.connections)


async def live(chance: random.Random) -> int:
    """Let users come and go at random, and judge what is left a second after each end. Return how many ended."""
    clock = FakeClock()
    store = Slow(IdSource(1), clock)
    store.chance = chance
    await store.add_account(Account(login="mina", user=USER, name="Mina", hash="h"))
    names = [f"s{n}" for n in range(20)]
    for name in names:
        await store.begin_session(name, USER, "h")
    tokens = {name: TOKENS.sign(Actor(id=USER, name="Mina", session=name), NOW).token for name in names}
    broker = MemoryBroker()
    nodes = [Node(store, broker, chance, clock) for _ in range(3)]
    loops = [await node.start() for node in nodes]
    over: set[str] = set()
    judging: list[asyncio.Task[None]] = []

    async def end(node: Node, session: str) -> None:
        ended = await store.end_sessions(USER, session)
        node.ended.end(ended)
        assert not ended or node.left(session) == 0, "at once, where it was asked for"
        await asyncio.sleep(POLL_S + 2 * SLOW_S)
        assert [each.left(session) for each in nodes] == [0, 0, 0]
        assert not any(each.hello(tokens[session]) for each in nodes)

    for _ in range(STEPS):
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.1, 0.3)))
        clock.ms += chance.randrange(300)
        name, node = chance.choice(names), chance.choice(nodes)
        if chance.random() < 0.25:
            over.add(name)
            judging.append(asyncio.create_task(end(node, name)))
        else:
            node.hello(tokens[name])
    await asyncio.gather(*judging)
    stays = [name for name in names if name not in over]
    assert all(node.hello(tokens[name]) for node in nodes for name in stays), "nobody else is signed out"
    for loop in loops:
        loop.cancel()
    return len(over)


def ended_in(seeds: Sequence[int]) -> int:
    """Run worlds, and return how many sessions ended in all."""
    ended = 0
    for seed in seeds:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            try:
                ended += runner.run(live(random.Random(seed)))
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise
    return ended


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2, 3))])
def test_nothing_of_an_ended_session_is_left_a_second_later(part: int) -> None:
    size = WORLDS // 4
    assert ended_in(range(part * size, (part + 1) * size)) > 5 * size


def test_a_node_that_does_not_read_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the worlds above prove something: half of the signals are not heard."""

    async def reads_nothing(self: AccountSessions, page: Sequence[Ended]) -> None:
        pass

    monkeypatch.setattr(AccountSessions, "take", reads_nothing)
    with pytest.raises(AssertionError):
        ended_in(range(20))
