"""`check_people`: the promises of `ports.people`, over a store that also keeps who was deleted."""

import asyncio
from typing import Final, Protocol

from madang.core.people import Person
from madang.ports.people import PeopleStore
from madang.ports.profiles import ProfileStore
from madang.ports.upkeep import StoredUser, Upkeep
from madang.testing.rules import Make, new, run_rules

NOW: Final = 1_800_000_000_000


class Store(PeopleStore, ProfileStore, Upkeep, Protocol):
    """People, and the users that they are."""


async def check_people(make: Make[Store]) -> None:
    """Check that a store keeps its contract (see `madang.testing`)."""
    await run_rules(make, [people_are_known_by_their_last_name, who_is_deleted_is_not_known, people_of_two_requests])


async def people_are_known_by_their_last_name(store: Store) -> None:
    """People are known by the last name that was put, also those who had been seen before; nobody else is."""
    stem = new("shop")
    some = [Person(f"{stem}-{n}", f"이름 {n}") for n in range(300)]
    await store.note_seen([some[0].id], NOW)
    for _ in range(2):
        assert await store.put_people(some, NOW) == (set(), set())
    assert await store.people([p.id for p in some]) == {p.id: p.name for p in some}
    assert await store.put_people([Person(some[1].id, "Other"), some[2]], NOW) == (set(), {some[1].id})
    assert (await store.profile(some[1].id)).name == "Other"
    assert [named.name for named in await store.named_after((0, ""), 1_000) if named.user == some[1].id] == ["Other"]
    assert await store.people([some[0].id, some[1].id, f"{stem}-none"]) == {some[0].id: "이름 0", some[1].id: "Other"}
    seen = f"{stem}-seen"
    await store.note_seen([seen], NOW)
    assert await store.people([seen]) == {}


async def who_is_deleted_is_not_known(store: Store) -> None:
    """Of who was deleted nothing is kept but that, and they are not made known again before they are forgotten."""
    kept, gone = new("shop"), new("shop")
    await store.put_people([Person(kept, "Kept"), Person(gone, "Gone")], NOW)
    assert await store.delete_user(gone, NOW + 1)
    assert await store.people([kept, gone]) == {kept: "Kept"}
    assert await store.put_people([Person(kept, "Still"), Person(gone, "Back")], NOW + 2) == ({gone}, {kept})
    assert await store.people([kept, gone]) == {kept: "Still"}
    assert StoredUser(id=gone, seen_ms=NOW, deleted_ms=NOW + 1) in await store.users_deleted(NOW + 1)
    await store.forget_users([gone])
    assert await store.put_people([Person(gone, "Back")], NOW + 3) == (set(), set())
    assert await store.people([gone]) == {gone: "Back"}


async def people_of_two_requests(store: Store) -> None:
    """Requests that put the same people at once both succeed, in whatever order, and one of them is last."""
    stem = new("shop")
    one, two = ([Person(f"{stem}-{n}", name) for n in range(50)] for name in ("One", "Two"))
    await asyncio.gather(*(store.put_people(some, NOW) for some in (one, two[::-1], one, two)))
    found = await store.people([p.id for p in one])
    assert len(found) == 50
    assert set(found.values()) <= {"One", "Two"}
