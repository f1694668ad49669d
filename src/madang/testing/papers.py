"""`check_papers`: that a store keeps the logs of papers (`ports.papers`), and that events do to papers what `ports.log` says."""

import asyncio
from typing import Protocol

from madang.core import events as kinds
from madang.core.events import Event
from madang.core.papers import MAX_PAPER, MAX_PAPERS, SEARCHED, FinishedPaper, Paper, Rendering, Standing, Update
from madang.core.permissions import ARCHIVED
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.ports.log import Log
from madang.ports.papers import PaperStore
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, Scene, new, opened, run_together


class Store(Log, Directory, Upkeep, PaperStore, Protocol):
    """A store of rooms and papers."""


async def check_papers(make: Make[Store]) -> None:
    """Check that a store keeps its contract (see `madang.testing`)."""
    await run_together(
        make,
        [
            a_paper_is_made_once,
            papers_are_changed_and_deleted_by_moderators,
            a_room_has_some_papers_at_most,
            updates_are_numbered_without_gaps,
            whoever_may_not_write_is_refused,
            a_finished_paper_takes_nothing,
            a_paper_has_a_greatest_size,
            of_two_that_go_back_at_once_one_is_stored,
            a_snapshot_stands_for_what_it_covers,
            snapshots_never_go_back,
            what_a_paper_says_is_kept_while_it_is_finished,
            finished_papers_are_found_by_the_event_that_finished_them,
            an_id_that_is_free_again_is_another_paper,
            watched_tells_how_all_stand,
            a_paper_is_named_to_members_alone,
            papers_end_with_their_room,
        ],
    )


def update(paper: Paper, user: str, data: bytes, *, server: bool = False) -> Update:
    """Return an update of one writer."""
    return Update(paper.id, paper.key, ((user, server),), data)


async def made(store: Store, *joined: str) -> tuple[Scene, Paper]:
    """Return a scene, and a paper of its room."""
    scene = await opened(store, *joined)
    id = new("paper")
    await scene.done(scene.draft(kinds.PaperCreated, paper=id, title="생일"))
    return scene, await found(store, id)


async def found(store: Store, id: str) -> Paper:
    """Return a paper that there is."""
    paper = await store.paper(id)
    assert paper is not None
    return paper


def code(outcome: int | Refused) -> str:
    """Return the code of a refusal; empty for a number."""
    return outcome.code if isinstance(outcome, Refused) else ""


async def a_paper_is_made_once(store: Store) -> None:
    """paper.created makes a paper of the room; its id is taken on the whole server (paper_exists), and a viewer makes none."""
    scene, paper = await made(store, "ben")
    assert (paper.room, paper.title, paper.finished, paper.seq, paper.size) == (scene.room, "생일", False, 0, 0)
    assert paper.user == scene.id("ann")
    other = await opened(store)
    for each in (scene, other):
        await each.refused("paper_exists", each.draft(kinds.PaperCreated, paper=paper.id, title="T"))
    assert await found(store, paper.id) == paper
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="viewer"))
    await scene.refused("forbidden", scene.draft(kinds.PaperCreated, "ben", paper=new("paper"), title="T"))
    names = sorted([new("paper") for _ in range(3)])
    for name in names:
        await other.done(other.draft(kinds.PaperCreated, paper=name, title=name))
    assert [each.id for each in await store.papers(other.room)] == names
    assert [each.id for each in await store.papers(other.room, after=names[0], limit=1)] == names[1:2]
    log = await store.paper_log(paper.id)
    assert log is not None and (log.paper, log.upto, log.snapshot, log.updates) == (paper, 0, b"", [])
    assert await store.paper_log(new("paper")) is None


async def a_paper_is_named_to_members_alone(store: Store) -> None:
    """`paper` returns what there is, and to a `reader` only while they are a member."""
    scene, paper = await made(store)
    assert await store.paper(paper.id, scene.id("ben")) is None
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="viewer"))
    assert await store.paper(paper.id, scene.id("ben")) == await store.paper(paper.id) == paper
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    assert await store.paper(paper.id, scene.id("ben")) is None
    assert await store.paper(paper.id, scene.id("ann")) == paper
    assert await store.paper(new("paper"), scene.id("ann")) is None


async def papers_are_changed_and_deleted_by_moderators(store: Store) -> None:
    """paper.changed sets the fields given; of what is so already nothing is told; paper.deleted removes it. Of other rooms: not_found."""
    scene, paper = await made(store, "ben")
    other = await opened(store)
    for kind, body in (
        (kinds.PaperChanged, {"title": "New"}),
        (kinds.PaperChanged, {"finished": True}),
        (kinds.PaperDeleted, {}),
    ):
        await scene.refused("forbidden", scene.draft(kind, "ben", paper=paper.id, **body))
        await other.refused("not_found", other.draft(kind, paper=paper.id, **body))
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, title="New"))
    await scene.nothing(scene.draft(kinds.PaperChanged, paper=paper.id, title="New"))
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, finished=True))
    await scene.nothing(scene.draft(kinds.PaperChanged, paper=paper.id, finished=True))
    assert ((now := await found(store, paper.id)).title, now.finished) == ("New", True)
    await scene.done(scene.draft(kinds.PaperDeleted, paper=paper.id))
    await scene.refused("not_found", scene.draft(kinds.PaperDeleted, paper=paper.id))
    assert await store.paper(paper.id) is None and await store.papers(scene.room) == []


async def a_room_has_some_papers_at_most(store: Store) -> None:
    """paper.created is refused in a room with MAX_PAPERS (too_many)."""
    scene = await opened(store)
    drafts = [scene.draft(kinds.PaperCreated, paper=new("paper"), title="T") for _ in range(MAX_PAPERS + 1)]
    *most, last = await store.append(drafts)
    assert all(not isinstance(outcome, Refused) for outcome in most)
    assert isinstance(last, Refused) and last.code == "too_many"


async def updates_are_numbered_without_gaps(store: Store) -> None:
    """Updates of many papers, by many at once, are numbered 1, 2, 3 … each; the room's log has none of them."""
    scene, paper = await made(store, "ben")
    _, other = await made(store)
    owner, theirs = scene.id("ann"), other.user
    before: list[Event] = await scene.log()
    one, two, three = await store.append_updates(
        [update(paper, owner, b"a"), update(other, theirs, b"x"), update(paper, scene.id("ben"), b"b\0\xff")]
    )
    assert (one, two, three) == (1, 1, 2)
    outcomes = await asyncio.gather(*(store.append_updates([update(paper, owner, b"%d" % n)]) for n in range(10)))
    assert sorted(seq for [seq] in outcomes if isinstance(seq, int)) == list(range(3, 13))
    log = await store.paper_log(paper.id)
    assert log is not None and [seq for seq, _ in log.updates] == list(range(1, 13))
    assert log.updates[:2] == [(1, b"a"), (2, b"b\0\xff")]
    assert (log.paper.seq, log.paper.size) == (12, sum(len(data) for _, data in log.updates))
    part = await store.paper_log(paper.id, 10)
    assert part is not None and part.updates == log.updates[10:]
    assert await scene.log() == before


async def whoever_may_not_write_is_refused(store: Store) -> None:
    """One writer who is not a member, a viewer or muted refuses an update; the others of the batch are stored. A server key may."""
    scene, paper = await made(store, "ben", "cho", "dan")
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="viewer"))
    await scene.done(scene.draft(kinds.MemberMuted, member="cho", for_ms=60_000))
    names = ("ben", "cho", "eve", "dan")
    outcomes = await store.append_updates([update(paper, scene.id(name), b"x") for name in names])
    assert [code(outcome) for outcome in outcomes] == ["forbidden", "muted", "not_found", ""]
    both = Update(paper.id, paper.key, ((scene.id("dan"), False), (scene.id("ben"), False)), b"x")
    assert code((await store.append_updates([both]))[0]) == "forbidden"
    assert await store.append_updates([update(paper, "key-1", b"y", server=True)]) == [2]
    await scene.done(scene.draft(kinds.MemberKicked, member="dan"))
    assert code((await store.append_updates([update(paper, scene.id("dan"), b"x")]))[0]) == "not_found"
    await scene.done(scene.draft(kinds.RoomChanged, archived=True))
    for held in (update(paper, scene.id("ann"), b"x"), update(paper, "key-1", b"x", server=True)):
        assert code((await store.append_updates([held]))[0]) == "archived"


async def a_finished_paper_takes_nothing(store: Store) -> None:
    """Updates of a finished paper are refused (finished) until it is reopened."""
    scene, paper = await made(store)
    mine = update(paper, scene.id("ann"), b"x")
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, finished=True))
    assert code((await store.append_updates([mine]))[0]) == "finished"
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, finished=False))
    assert await store.append_updates([mine]) == [1]


async def a_paper_has_a_greatest_size(store: Store) -> None:
    """An update with which a paper would be larger than MAX_PAPER is refused (too_big)."""
    scene, paper = await made(store)
    piece = update(paper, scene.id("ann"), bytes(MAX_PAPER // 4))
    for n in range(4):
        assert await store.append_updates([piece]) == [n + 1]
    assert code((await store.append_updates([update(paper, scene.id("ann"), b"x")]))[0]) == "too_big"
    assert await store.compact_paper(paper, 4, b"small")
    assert (await found(store, paper.id)).size == 5
    assert await store.append_updates([update(paper, scene.id("ann"), b"x")]) == [5]


async def of_two_that_go_back_at_once_one_is_stored(store: Store) -> None:
    """An update that goes back is refused (overloaded) where another did since, and only then."""
    scene, paper = await made(store)
    plain = update(paper, scene.id("ann"), b"x")
    back = [Update(paper.id, paper.key, plain.writers, b"back", back_from=seq) for seq in range(5)]
    assert await store.append_updates([plain, plain]) == [1, 2]
    assert await store.append_updates([plain]) == [3]
    outcomes = await asyncio.gather(store.append_updates([back[2]]), store.append_updates([back[2]]))
    assert sorted(code(outcome) for [outcome] in outcomes) == ["", "overloaded"]
    assert code((await store.append_updates([back[3]]))[0]) == "overloaded"
    [other, again, last] = await store.append_updates([plain, back[4], back[4]])
    assert (other, again, code(last)) == (5, 6, "overloaded")
    log = await store.paper_log(paper.id)
    assert log is not None and [seq for seq, _ in log.updates] == list(range(1, 7))


async def a_snapshot_stands_for_what_it_covers(store: Store) -> None:
    """A snapshot removes the updates up to its number and no other, and comes to whoever lacks some of them."""
    scene, paper = await made(store)
    await store.append_updates([update(paper, scene.id("ann"), b"%d" % n) for n in range(5)])
    assert await store.compact_paper(paper, 3, b"first three")
    log = await store.paper_log(paper.id, 1)
    assert log is not None and (log.upto, log.snapshot, log.updates) == (3, b"first three", [(4, b"3"), (5, b"4")])
    assert log.paper.size == len(b"first three") + 2
    rest = await store.paper_log(paper.id, 3)
    assert rest is not None and (rest.snapshot, rest.updates) == (b"", [(4, b"3"), (5, b"4")])
    assert await store.append_updates([update(paper, scene.id("ann"), b"x")]) == [6]
    assert await store.compact_paper(paper, 6, b"all")
    log = await store.paper_log(paper.id)
    assert log is not None and (log.upto, log.snapshot, log.updates, log.paper.seq) == (6, b"all", [], 6)


async def snapshots_never_go_back(store: Store) -> None:
    """A snapshot that covers no more than the last one, or more than there is, is not kept; nor one of a paper that is gone."""
    scene, paper = await made(store)
    await store.append_updates([update(paper, scene.id("ann"), b"%d" % n) for n in range(3)])
    assert await store.compact_paper(paper, 2, b"two")
    for upto in (1, 2, 4):
        assert not await store.compact_paper(paper, upto, b"wrong")
    log = await store.paper_log(paper.id)
    assert log is not None and (log.upto, log.snapshot, log.updates) == (2, b"two", [(3, b"2")])
    await scene.done(scene.draft(kinds.PaperDeleted, paper=paper.id))
    assert not await store.compact_paper(paper, 3, b"late")


async def what_a_paper_says_is_kept_while_it_is_finished(store: Store) -> None:
    """A rendering is kept of a finished paper as it is, and forgotten when it is reopened."""
    scene, paper = await made(store)
    says = Rendering(json='{"t":"안녕 😀"}', text="안녕 😀", html="<p>안녕 😀</p>")
    assert not await store.keep_rendering(paper, says)
    await store.append_updates([update(paper, scene.id("ann"), b"x")])
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, finished=True))
    assert not await store.keep_rendering(paper, says)  # of before the last update
    now = await found(store, paper.id)
    assert await store.rendering(now) is None
    assert await store.keep_rendering(now, says)
    assert await store.keep_rendering(now, says)
    assert await store.rendering(now) == says
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, finished=False))
    assert await store.rendering(now) is None


async def finished_papers_are_found_by_the_event_that_finished_them(store: Store) -> None:
    """`finished_at` returns what finished papers say, by the event that finished them last, once it is kept, and no others."""
    scene, paper = await made(store)
    other, also = await made(store)
    events = []
    for finished in (True, False, True):
        changed = scene.draft(kinds.PaperChanged, paper=paper.id, finished=finished)
        events.append(await scene.done(changed))
    places = [(scene.room, seq) for seq in range(events[-1].seq + 2)]
    assert await store.finished_at(places) == []
    says = Rendering(json="{}", text="회" * (SEARCHED + 1), html="")
    assert await store.keep_rendering(await found(store, paper.id), says)
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, title="New"))
    there = FinishedPaper(
        room=scene.room, seq=events[-1].seq, id=events[-1].id, user=scene.id("ann"), name="ann", paper=paper.id,
        title="New", text="회" * SEARCHED,
    )  # fmt: skip
    assert await store.finished_at(places) == [there]
    assert (await found(store, paper.id)).finished_seq == events[-1].seq
    assert await store.finished_at([*places[:-2], (other.room, events[-1].seq), ("no-room", 1)]) == []
    theirs = await other.done(other.draft(kinds.PaperChanged, paper=also.id, finished=True))
    assert await store.keep_rendering(await found(store, also.id), Rendering(json="{}", text="b", html=""))
    both = await store.finished_at([(other.room, theirs.seq), *places])
    assert [each.paper for each in both] == [id for _, id in sorted([(scene.room, paper.id), (other.room, also.id)])]
    await scene.done(scene.draft(kinds.PaperChanged, paper=paper.id, finished=False))
    assert await store.finished_at(places) == [] and (await found(store, paper.id)).finished_seq == 0
    await other.done(other.draft(kinds.PaperDeleted, paper=also.id))
    assert await store.finished_at([(other.room, theirs.seq)]) == []


async def an_id_that_is_free_again_is_another_paper(store: Store) -> None:
    """What was meant for a paper that was deleted does not reach the next one of its id."""
    scene, before = await made(store)
    await store.append_updates([update(before, scene.id("ann"), b"x")])
    await scene.done(scene.draft(kinds.PaperDeleted, paper=before.id))
    await scene.done(scene.draft(kinds.PaperCreated, paper=before.id, title="T"))
    now = await found(store, before.id)
    assert now.key != before.key and now.seq == 0
    assert code((await store.append_updates([update(before, scene.id("ann"), b"x")]))[0]) == "not_found"
    assert await store.append_updates([update(now, scene.id("ann"), b"x")]) == [1]
    assert not await store.compact_paper(before, 1, b"wrong")


async def watched_tells_how_all_stand(store: Store) -> None:
    """`watched` has papers as they are, and roles, states of rooms and mutes; what there is not is left out, or has no role."""
    scene, paper = await made(store, "ben", "cho")
    await scene.done(scene.draft(kinds.MemberMuted, member="cho", for_ms=60_000))
    await scene.done(scene.draft(kinds.RoomChanged, archived=True))
    names, missing = ("ann", "ben", "cho", "eve"), new("paper")
    seen = await store.watched([paper.id, missing], [(scene.room, scene.id(name)) for name in names])
    assert dict(seen.papers) == {paper.id: await found(store, paper.id)}
    ann, ben, cho, eve = (seen.standings[scene.room, scene.id(name)] for name in names)
    assert (ann, ben) == (Standing("owner", ARCHIVED), Standing("member", ARCHIVED))
    assert (cho, eve) == (Standing("member", ARCHIVED, True), Standing(None, ARCHIVED))
    assert (await store.watched([], [("no-room", "x")])).standings["no-room", "x"].role is None


async def papers_end_with_their_room(store: Store) -> None:
    """Nobody finds the papers of a room that was deleted, and they are removed with it; then their ids are free."""
    scene, paper = await made(store)
    await store.append_updates([update(paper, scene.id("ann"), b"x")])
    await scene.done(scene.draft(kinds.RoomDeleted))
    assert await store.paper(paper.id) is None
    assert await store.paper_log(paper.id) is None
    assert await store.papers(scene.room) == []
    assert code((await store.append_updates([update(paper, scene.id("ann"), b"x")]))[0]) == "not_found"
    while await store.erase(scene.room, 100):
        pass
    other = await opened(store)
    await other.done(other.draft(kinds.PaperCreated, paper=paper.id, title="T"))
    log = await store.paper_log(paper.id)
    assert log is not None and log.updates == []
