"""A node takes its keyring over from the database, and says when a key is gone."""

import asyncio

import pytest

from madang.adapters.bus.memory.bus import MemoryBus
from madang.core.ids import IdSource
from madang.core.signing import Keyring
from madang.errors import StorageFailed
from madang.services.polling import POLL_S
from madang.services.signing import Signing
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.testing.signing import SIGNS
from madang.transports.sessions import Sessions
from tests.unit.services.polled import polling


class Failing(ModelStore):
    """A store that can be away."""

    away = False

    async def signing_keys(self):  # type: ignore[no-untyped-def]
        if self.away:
            raise StorageFailed
        return await super().signing_keys()


def test_a_node_follows_what_others_do_to_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    async def follow() -> None:
        clock = FakeClock()
        store = Failing(IdSource(1), clock)
        keyring = Keyring(await store.signing_keys(), clock)
        retired: list[str] = []
        open_sessions = Sessions()
        monkeypatch.setattr(open_sessions, "end_signed_by", retired.extend)
        signing = Signing(keyring, store, open_sessions)
        polls = await polling(store, MemoryBus(), clock, signing=signing)
        running = asyncio.create_task(polls.run())
        made = await store.add_signing_key(SIGNS)
        await asyncio.sleep(POLL_S * 1.1)
        assert made in keyring.keys and not retired
        assert keyring.current() == made
        store.away = True
        await store.retire_signing_keys()
        await asyncio.sleep(POLL_S * 5)
        assert len(keyring.keys) == 2, "what was read last"
        store.away = False
        await asyncio.sleep(POLL_S * 1.1)
        assert list(keyring.keys) == [made]
        assert retired == ["0"]
        running.cancel()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(follow())


async def test_who_rotates_knows_at_once() -> None:
    clock = FakeClock()
    store = ModelStore(IdSource(1), clock)
    signing = Signing(Keyring(await store.signing_keys(), clock), store, Sessions())
    made = await signing.rotate()
    assert signing.keys[-1] == made
    clock.ms = made.from_ms
    assert await signing.retire() == 1
    assert signing.keys == (made,)
