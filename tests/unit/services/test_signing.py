"""A node takes its keyring over from the database, and says when a key is gone."""

import asyncio

from madang.core.ids import IdSource
from madang.core.signing import Keyring
from madang.errors import StorageFailed
from madang.services.signing import POLL_S, Signing
from madang.testing import FakeClock, ModelStore, VirtualLoop
from madang.testing.signing import SIGNS


class Failing(ModelStore):
    """A store that can be away."""

    away = False

    async def signing_keys(self):  # type: ignore[no-untyped-def]
        if self.away:
            raise StorageFailed
        return await super().signing_keys()


def test_a_node_follows_what_others_do_to_the_keys() -> None:
    async def follow() -> None:
        store = Failing(IdSource(1), FakeClock())
        keyring = Keyring(await store.signing_keys(), FakeClock())
        signing = Signing(keyring, store)
        retired: list[str] = []
        signing.on_retired = retired.extend
        running = asyncio.create_task(signing.run())
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
    signing = Signing(Keyring(await store.signing_keys(), clock), store)
    made = await signing.rotate()
    assert signing.keys[-1] == made
    clock.ms = made.from_ms
    assert await signing.retire() == 1
    assert signing.keys == (made,)
