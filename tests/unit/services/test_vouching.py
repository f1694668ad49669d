"""What an issuer says of a user is kept, and told to their rooms when it changes; older tokens change nothing back."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from madang.adapters.sql import Store
from madang.aio import cancelled
from madang.core.actors import Actor
from madang.core.events import MemberChanged
from madang.core.profiles import Profile
from madang.errors import StorageFailed
from madang.ports.profiles import Said
from madang.services import vouching as module
from madang.services.vouching import Vouching
from madang.transports.node import Node
from tests.unit.services.test_rooms import YARD
from tests.unit.services.wrapped import Wrapped
from tests.waiting import eventually

MINA = Actor(id="issuer-shop:42", name="Mina")
FACE = "https://faces.example/mina.png"


class FailsAtFirst(Wrapped):
    """Fails to keep what is said, and to read profiles, a few times each."""

    keeping = reading = 0

    async def keep_said(self, said: Sequence[Said]) -> set[str]:
        self.keeping += 1
        if self.keeping <= 2:
            raise StorageFailed
        return set(await self.inner.keep_said(said))

    async def profile(self, user: str) -> Profile:
        self.reading += 1
        if self.reading <= 2:
            raise StorageFailed
        profile: Profile = await self.inner.profile(user)
        return profile


@pytest.fixture
async def vouching(node: Node, store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Vouching]:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    vouching = Vouching(store, node.profiles)
    running = asyncio.ensure_future(vouching.run())
    yield vouching
    await cancelled([running])


def waiting(vouching: Vouching) -> int:
    return int(vouching.metrics()[0].value)


async def kept(vouching: Vouching, store: Store, *said: Said) -> Profile:
    """Let tokens be shown, and return what is kept when all is written and told."""
    for each in said:
        vouching.met(each)
    await eventually(lambda: not waiting(vouching))
    return await store.profile(said[-1].user)


async def changes(store: Store) -> list[str]:
    return [event.name for event in await store.read(YARD, 0, 100) if event.type == MemberChanged.type]


async def test_a_user_is_kept_on_first_sight_and_refreshed_later(node: Node, store: Store, vouching: Vouching) -> None:
    await node.rooms.enter(MINA, YARD)
    assert await kept(vouching, store, Said(MINA.id, "Mina", None, 100)) == Profile(name="Mina")
    assert await changes(store) == [], "nothing has changed for the room"
    assert await kept(vouching, store, Said(MINA.id, "Minji", FACE, 200)) == Profile(name="Minji", picture=FACE)
    assert await changes(store) == ["Minji"]
    member = await store.member(YARD, MINA.id)
    assert member is not None and (member.name, member.picture) == ("Minji", FACE)
    assert node.profiles.name(MINA.id) == "Minji", "their other devices hear of it, too"
    assert (await node.profiles.of(MINA)).name == "Mina", "who comes with an older token is called as that says"
    await kept(vouching, store, Said(MINA.id, "Mina", "", 150))  # a device that still has an older token
    await kept(vouching, store, Said(MINA.id, None, None, 300))  # and one that says nothing
    assert await store.profile(MINA.id) == Profile(name="Minji", picture=FACE)
    assert await changes(store) == ["Minji"]


async def test_who_has_joined_before_they_are_written_is_shown_as_they_are(node: Node, store: Store) -> None:
    still = Vouching(store, node.profiles)
    still.met(Said(MINA.id, "Mina", FACE, 100))
    assert await still.picture(MINA.id) == FACE
    assert await still.picture("issuer-shop:43") == ""
    await store.set_profile("issuer-shop:43", picture=FACE)
    assert await still.picture("issuer-shop:43") == FACE


async def test_what_is_known_is_not_written_again(store: Store, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    vouching = Vouching(store, node.profiles)
    said = Said(MINA.id, "Mina", None, 100)
    for _ in range(3):
        vouching.met(said)
    assert waiting(vouching) == 1
    monkeypatch.setattr(module, "MOST", 4)
    for n in range(10):
        vouching.met(Said(f"issuer-shop:{n}", "Mina", None, 100))
    assert waiting(vouching) <= 4


async def test_what_fails_is_done_again(node: Node, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    await node.rooms.enter(MINA, YARD)
    await store.note_seen([MINA.id], 1)
    failing = FailsAtFirst(store)
    monkeypatch.setattr(node.profiles, "_store", failing)
    vouching = Vouching(failing, node.profiles)
    running = asyncio.ensure_future(vouching.run())
    try:
        vouching.met(Said(MINA.id, "Minji", None, 100))
        await eventually(lambda: not waiting(vouching))
        assert await changes(store) == ["Minji"]
    finally:
        await cancelled([running])
