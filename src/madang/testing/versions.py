"""`check_versions`: that a store keeps versions of papers (`ports.versions`)."""

import asyncio
from typing import Protocol

import msgspec

from madang.core import events as kinds
from madang.core.papers import Paper
from madang.core.versions import (
    ASKED,
    FINISH,
    MAX_KEPT,
    MAX_VERSION_BYTES,
    MAX_VERSIONS,
    RESTORE,
    Cause,
    NewVersion,
    Version,
)
from madang.errors import Refused
from madang.ports.versions import VersionStore
from madang.testing import papers
from madang.testing.papers import code, found, made
from madang.testing.rules import Make, run_together


class Store(papers.Store, VersionStore, Protocol):
    """A store of rooms, papers and their versions."""


async def check_versions(make: Make[Store]) -> None:
    """Check that a store keeps its contract (see `madang.testing`)."""
    await run_together(
        make,
        [
            versions_are_numbered_listed_and_read,
            what_is_kept_by_itself_is_kept_once_of_a_state,
            there_are_so_many_versions_at_most,
            what_was_kept_by_itself_makes_way,
            versions_have_so_many_bytes_at_most,
            versions_end_with_their_paper,
            versions_end_with_their_room,
        ],
    )


def version(data: bytes = b"whole", *, title: str = "v", cause: Cause = ASKED, seq: int = 0) -> NewVersion:
    """Return a version to keep."""
    return NewVersion(title=title if cause == ASKED else "", cause=cause, user="ann", seq=seq, data=data)


async def kept(store: Store, paper: Paper, new: NewVersion) -> Version:
    """Keep a version, and return it."""
    outcome = await store.keep_version(paper, new)
    assert isinstance(outcome, Version), outcome
    return outcome


async def versions_are_numbered_listed_and_read(store: Store) -> None:
    """Versions are numbered for each paper, whoever keeps them at once, and no number is given twice; the newest is listed first."""
    _, paper = await made(store)
    _, other = await made(store)
    first = await kept(store, paper, version("한 😀".encode(), title="초안 😀", seq=3))
    assert (first.number, first.title, first.cause, first.user, first.seq) == (1, "초안 😀", ASKED, "ann", 3)
    assert first.size == len("한 😀".encode()) and first.at_ms > 0
    assert (await kept(store, other, version())).number == 1
    more = await asyncio.gather(*(kept(store, paper, version(b"%d" % n)) for n in range(5)))
    assert sorted(each.number for each in more) == [2, 3, 4, 5, 6]
    assert await store.versions(paper) == [*sorted(more, key=lambda each: -each.number), first]
    assert await store.version(paper, 1) == "한 😀".encode()
    assert await store.version(paper, 7) is None
    assert await store.drop_version(paper, 6) and not await store.drop_version(paper, 6)
    assert await store.version(paper, 6) is None
    assert (await kept(store, paper, version())).number == 7
    assert [each.number for each in await store.versions(other)] == [1]


async def what_is_kept_by_itself_is_kept_once_of_a_state(store: Store) -> None:
    """Of a `seq` of which there is a version, none is kept by itself; what is asked for is."""
    _, paper = await made(store)
    finish = await kept(store, paper, version(cause=FINISH, seq=5))
    assert finish.title == ""
    assert await kept(store, paper, version(b"again", cause=RESTORE, seq=5)) == finish
    asked = await kept(store, paper, version(seq=5))
    assert (asked.number, await store.versions(paper)) == (2, [asked, finish])


async def there_are_so_many_versions_at_most(store: Store) -> None:
    """One more than MAX_VERSIONS that are asked for is refused (too_many), and takes nothing away."""
    _, paper = await made(store)
    for n in range(MAX_VERSIONS):
        await kept(store, paper, version(seq=n))
    before = await store.versions(paper)
    assert code_of(await store.keep_version(paper, version())) == "too_many"
    assert await store.versions(paper) == before
    assert (await kept(store, paper, version(cause=FINISH, seq=99))).number == MAX_VERSIONS + 1


async def what_was_kept_by_itself_makes_way(store: Store) -> None:
    """Of those kept by themselves there are the newest MAX_KEPT; none that was asked for makes way."""
    _, paper = await made(store)
    asked = await kept(store, paper, version())
    all_ = [await kept(store, paper, version(cause=RESTORE, seq=n)) for n in range(1, MAX_KEPT + 3)]
    assert await store.versions(paper) == [*reversed(all_[2:]), asked]


async def versions_have_so_many_bytes_at_most(store: Store) -> None:
    """What would be more than MAX_VERSION_BYTES is refused (too_big), unless enough of those kept by themselves make way."""
    _, paper = await made(store)
    quarter = bytes(MAX_VERSION_BYTES // 4)
    oldest = await kept(store, paper, version(quarter, cause=FINISH, seq=1))
    asked = [await kept(store, paper, version(quarter, seq=n)) for n in (2, 3, 4)]
    last = await kept(store, paper, version(quarter, seq=5))
    assert await store.versions(paper) == [last, *reversed(asked)] and oldest not in asked
    for cause in (ASKED, RESTORE):
        assert code_of(await store.keep_version(paper, version(b"x", cause=cause, seq=6))) == "too_big"
    assert await store.versions(paper) == [last, *reversed(asked)]


async def versions_end_with_their_paper(store: Store) -> None:
    """A paper that is deleted has no versions, and neither has the next one of its id; none is kept of what is gone."""
    scene, paper = await made(store)
    await kept(store, paper, version())
    await scene.done(scene.draft(kinds.PaperDeleted, paper=paper.id))
    assert await store.versions(paper) == [] and await store.version(paper, 1) is None
    assert code_of(await store.keep_version(paper, version())) == "not_found"
    await scene.done(scene.draft(kinds.PaperCreated, paper=paper.id, title="T"))
    now = await found(store, paper.id)
    assert await store.versions(now) == []
    assert code_of(await store.keep_version(paper, version())) == "not_found"
    assert (await kept(store, now, version())).number == 1
    stale = msgspec.structs.replace(now, key=paper.key)
    assert await store.version(stale, 1) is None and not await store.drop_version(stale, 1)


async def versions_end_with_their_room(store: Store) -> None:
    """What is left of a room that was deleted is removed with its papers' versions."""
    scene, paper = await made(store)
    await kept(store, paper, version())
    await scene.done(scene.draft(kinds.RoomDeleted))
    while await store.erase(scene.room, 100):
        pass
    assert await store.versions(paper) == []


def code_of(outcome: Version | Refused) -> str:
    """Return the code of a refusal; empty for what is kept."""
    return code(outcome) if isinstance(outcome, Refused) else ""
