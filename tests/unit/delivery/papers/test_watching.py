"""What no bus tells, and what ends: rights, papers, memory, what is shown of clients."""

import asyncio

import pytest

from madang.core import events as kinds
from madang.delivery.papers import opening, snapshots
from madang.delivery.papers.live import SHOWN_S
from madang.errors import Refused
from tests.unit.delivery.papers.scenes import WATCHED_S, Person, Yard, told


def test_what_the_bus_loses_is_found_in_the_log() -> None:
    async def story(yard: Yard) -> None:
        first, second = await yard.node(), await yard.node()
        ann, ben = await yard.person("ann", first), await yard.person("ben", second)
        ann.say("heard, ")
        await asyncio.sleep(0.1)
        assert str(ben) == "heard, "
        yard.broker.buses.clear()
        ann.say("found")
        await asyncio.sleep(0.1)
        assert str(ben) == "heard, "
        await asyncio.sleep(WATCHED_S)
        assert str(ben) == "heard, found"

    told(story)


def test_a_gap_is_read_and_nothing_is_told_twice() -> None:
    async def story(yard: Yard) -> None:
        first, second = await yard.node(), await yard.node()
        ann, ben = await yard.person("ann", first), await yard.person("ben", second)
        buses, yard.broker.buses = yard.broker.buses, []
        ann.say("1")
        await asyncio.sleep(0.1)
        yard.broker.buses = buses
        ann.say("2")
        await asyncio.sleep(0.1)
        assert str(ben) == "12" and len(ben.updates) == 2

    told(story)


@pytest.mark.parametrize("how", ["kick", "leave", "token"])
def test_whoever_loses_access_is_ended_within_a_second(how: str) -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben = await yard.person("ann", hub), await yard.person("ben", hub)
        if how == "kick":
            await yard.room.done(yard.room.draft(kinds.MemberKicked, member="ben"))
        elif how == "leave":
            await yard.room.done(yard.room.draft(kinds.MemberLeft, "ben"))
        else:
            ben.token_left_s = 0.0
        await asyncio.sleep(WATCHED_S)
        assert (ann.ended, ben.ended) == ([], ["4410"])
        assert list(ann.live.followers) == [ann]

    told(story)


def test_a_deleted_paper_ends_and_one_of_the_same_id_is_another() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann = await yard.person("ann", hub)
        ann.say("before")
        await asyncio.sleep(0.1)
        await yard.room.done(yard.room.draft(kinds.PaperDeleted, paper="card"))
        await yard.room.done(yard.room.draft(kinds.PaperCreated, paper="card", title="Another"))
        ben = await yard.person("ben", hub)
        assert ann.ended == ["4404"] and str(ben) == ""

    told(story)


@pytest.mark.parametrize(("name", "paper"), [("zoe", "card"), ("ann", "no-paper")])
def test_a_hidden_paper_is_as_if_there_were_none(name: str, paper: str) -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        with pytest.raises(Refused) as refused:
            await Person(yard.room.id(name)).follow(hub, paper)
        assert refused.value.code == "not_found" and not hub.papers

    told(story)


def test_a_long_log_becomes_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "ROWS", 5)

    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann = await yard.person("ann", hub)
        for n in range(7):
            ann.say(str(n))
            await asyncio.sleep(0.1)
        log = await yard.store.paper_log("card")
        assert log is not None and log.upto >= 5 and len(log.updates) <= 2
        assert hub.statistics.snapshots == 1
        ben = await yard.person("ben", await yard.node())
        assert str(ben) == "0123456"

    told(story)


def test_a_paper_that_nobody_follows_leaves_memory_and_comes_back() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann = await yard.person("ann", hub)
        ann.say("kept")
        ann.leave()  # what is written is stored all the same
        await asyncio.sleep(opening.LINGER_S / 2)
        assert "card" in hub.papers and yard.memories[0].held["papers"] > 0
        await asyncio.sleep(opening.LINGER_S)
        assert not hub.papers and yard.memories[0].held["papers"] == 0
        assert str(await yard.person("ben", hub)) == "kept"

    told(story)


def test_papers_that_nobody_follows_give_way() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann = await yard.person("ann", hub)
        ann.say("x" * 1000)
        await asyncio.sleep(0.1)
        memory = yard.memories[0]
        assert not memory.try_take("answers", memory.limit)
        assert "card" in hub.papers
        ann.leave()
        await asyncio.sleep(0.1)
        assert memory.try_take("answers", memory.limit)
        memory.free("answers", memory.limit)

    told(story)


def test_no_paper_gives_way_in_which_something_waits() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann = await yard.person("ann", hub)
        ann.say("kept")
        ann.leave()
        memory = yard.memories[0]
        assert not memory.try_take("answers", memory.limit)
        await asyncio.sleep(0.1)
        assert (await yard.paper()).seq == 1
        assert memory.try_take("answers", memory.limit)
        memory.free("answers", memory.limit)

    told(story)


def test_what_is_shown_reaches_newcomers_of_every_node_and_goes_with_its_follower() -> None:
    async def story(yard: Yard) -> None:
        first, second = await yard.node(), await yard.node()
        ann = await yard.person("ann", first)
        ann.show(7, 1, b'{"user":{"name":"Queen","color":"#f80"}}')
        await asyncio.sleep(0.1)
        ben = await yard.person("ben", second)
        assert ben.seen == {7: b'{"user":{"name":"Ann","color":"#f80","id":"%s"}}' % ann.user_id.encode()}
        ben.show(7, 9, b'{"mine":true}')  # somebody else's
        await asyncio.sleep(0.1)
        assert second.papers["card"].shown[7].user == ann.user_id
        ann.leave()
        await asyncio.sleep(0.1)
        assert ben.seen == {7: None}

    told(story)


def test_what_a_dead_node_showed_ends() -> None:
    async def story(yard: Yard) -> None:
        first, second = await yard.node(), await yard.node()
        ann, ben = await yard.person("ann", first), await yard.person("ben", second)
        ann.show(7, 1, b"{}")
        await asyncio.sleep(0.1)
        assert ben.seen == {7: b"{}"}
        yard.broker.buses.clear()
        await asyncio.sleep(SHOWN_S + WATCHED_S)
        assert ben.seen == {7: None} and ben.ended == []

    told(story)
