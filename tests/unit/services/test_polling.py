"""A node asks its store once a second for what others may have changed, and every service that it is for hears of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from madang.core.actors import Actor
from madang.core.ids import IdSource
from madang.errors import StorageFailed
from madang.node.run import running_parts
from madang.ports.changes import Changes, Known
from madang.ports.signing import LEAD_MS
from madang.services.polling import POLL_S
from madang.testing import ModelStore, VirtualLoop
from madang.testing.signing import SIGNS
from madang.transports.node import Node
from tests.unit.services.assembled import assembled

USER = "u-mina"
SECONDS = 60
READ = ("changes", "users_deleted", "sessions_ended", "named_after", "signing_keys", "erasures")
"""One read, for which the model calls itself."""
LET_GO = {"bus", "heartbeat"}  # parts that would tell others of the end


class Asked(ModelStore):
    """A store that counts who asks it, and may be away."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(IdSource(1), loop.clock_ms)
        self.now_ms = loop.clock_ms
        self.calls: Counter[str] = Counter()
        self.away = False
        self.slow_s = 0.0
        self.polled = asyncio.Event()

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("_") and asyncio.iscoroutinefunction(found):
            super().__getattribute__("calls")[name] += 1
        return found

    async def changes(self, known: Known) -> Changes:
        if self.away:
            raise StorageFailed
        found = await super().changes(known)
        self.polled.set()
        await asyncio.sleep(self.slow_s)
        return found


def on_a_node(story: Callable[[Node, Asked], Awaitable[None]]) -> None:
    """Run a story beside a node that serves nobody, all of its parts, in virtual time."""

    async def told() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        store = Asked(loop)
        node = assembled(store, clock_ms=loop.clock_ms)
        await node.signing.read()
        async with running_parts([part for part in node.parts if part.name not in LET_GO], lambda: None):
            await story(node, store)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(told())


def test_an_idle_node_asks_once_a_second() -> None:
    async def story(node: Node, store: Asked) -> None:
        await asyncio.sleep(POLL_S / 2)
        store.calls.clear()
        await asyncio.sleep(SECONDS)
        assert [store.calls[call] for call in READ] == [SECONDS / POLL_S] * len(READ)
        assert sum(asked for call, asked in store.calls.items() if call not in READ) < SECONDS / 5, store.calls

    on_a_node(story)


def test_what_others_change_is_known_within_a_second() -> None:
    async def story(node: Node, store: Asked) -> None:
        await store.set_profile(USER, name="Minji")
        await store.delete_user("u-bora", store.now_ms(), known=True)
        made = await store.add_signing_key(SIGNS)
        await asyncio.sleep(POLL_S * 1.01)
        assert (node.profiles.name(USER), "u-bora" in node.users) == ("Minji", True)
        assert node.signing.keys[-1] == made

    on_a_node(story)


def test_what_a_slow_read_found_undoes_nothing_that_changed_meanwhile() -> None:
    async def story(node: Node, store: Asked) -> None:
        await store.set_profile(USER, name="Minji")
        made = await node.signing.rotate()
        await asyncio.sleep(LEAD_MS / 1000 + POLL_S)
        store.slow_s = POLL_S
        store.polled.clear()
        await store.polled.wait()
        assert await node.signing.retire() == 1
        await node.profiles.change(Actor(id=USER, name="Minji"), name="Mina")
        await asyncio.sleep(POLL_S * 1.01)
        assert node.signing.keys == (made,)
        assert node.profiles.name(USER) == "Mina"

    on_a_node(story)


def test_a_store_that_is_away_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    async def story(node: Node, store: Asked) -> None:
        store.away = True
        await store.set_profile(USER, name="Minji")
        await asyncio.sleep(5 * POLL_S)
        assert node.profiles.name(USER) is None
        store.away = False
        await asyncio.sleep(POLL_S * 1.01)
        assert node.profiles.name(USER) == "Minji"

    on_a_node(story)
    assert [record.message.split(":")[0] for record in caplog.records] == ["changes by other nodes are not known"]


def test_what_fails_for_one_service_is_told_to_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(node: Node, store: Asked) -> None:
        def fails(*args: object) -> None:
            raise RuntimeError("of one service")

        monkeypatch.setattr(node.users, "take", fails)
        await store.set_profile(USER, name="Minji")
        await asyncio.sleep(POLL_S * 1.01)
        assert node.profiles.name(USER) == "Minji"

    on_a_node(story)
    assert [record.message for record in caplog.records] == ["deleted users are not known: of one service"]
