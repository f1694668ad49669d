"""What is written in papers is stored first, as one update a burst, and told to everybody else once."""

import asyncio

import pytest

from madang.core import events as kinds
from madang.delivery.papers import hub as module
from madang.errors import StorageFailed
from madang.ports.papers import PaperLog
from tests.unit.delivery.papers.scenes import WATCHED_S, Person, Yard, told


def test_a_burst_of_many_is_one_update_and_all_have_it() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben, cas = [await yard.person(name, hub) for name in ("ann", "ben", "cas")]
        for letter in "abc":
            ann.say(letter)
            ben.say(letter.upper())
        await asyncio.sleep(module.INTERVAL_S * 2)
        assert str(ann) == str(ben) == str(cas) and len(str(ann)) == 6
        assert (await yard.paper()).seq == 1 and len(cas.updates) == 1
        assert (ann.waiting, ben.waiting) == (0, 0)

    told(story)


def test_who_wrote_alone_does_not_hear_it_again() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben = await yard.person("ann", hub), await yard.person("ben", hub)
        ann.say("x")
        await asyncio.sleep(0.1)
        assert (len(ann.updates), len(ben.updates)) == (0, 1)

    told(story)


def test_nobody_hears_what_the_store_has_not() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben = await yard.person("ann", hub), await yard.person("ben", hub)
        stored = asyncio.Event()
        append = yard.store.append_updates

        async def late(updates: object) -> object:
            await stored.wait()
            return await append(updates)  # type: ignore[arg-type]

        yard.store.append_updates = late  # type: ignore[method-assign, assignment]
        ann.say("x")
        hub.ask(ben.live, ben, ben.doc.get_state())
        await asyncio.sleep(5)
        assert str(ben) == "" and ann.waiting > 0
        stored.set()
        await asyncio.sleep(0.1)
        assert str(ben) == "x" and ann.waiting == 0

    told(story)


@pytest.mark.parametrize("sanction", ["mute", "viewer"])
def test_of_two_who_write_together_only_the_one_is_refused_who_may_not(sanction: str) -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben, cas = [await yard.person(name, hub) for name in ("ann", "ben", "cas")]
        if sanction == "mute":
            await yard.mute("ben")
        else:
            await yard.room.done(yard.room.draft(kinds.RoleGiven, member="ben", role="viewer"))
        ann.say("kept")
        ben.say("held")  # this node does not know yet
        await asyncio.sleep(0.1)
        assert ben.denied == ["muted" if sanction == "mute" else "forbidden"]
        assert (ann.denied, ann.ended, ben.ended) == ([], [], [])
        assert str(cas) == "kept" and (await yard.paper()).seq == 1
        assert (ann.waiting, ben.waiting) == (0, 0)
        ann.say(" too")
        await asyncio.sleep(0.1)
        assert str(cas) == "kept too"

    told(story)


def test_a_paper_that_gave_way_while_it_was_stored_keeps_nothing_of_who_was_refused() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben = await yard.person("ann", hub), await yard.person("ben", hub)
        storing, stored = asyncio.Event(), asyncio.Event()
        append = yard.store.append_updates

        async def late(updates: object) -> object:
            storing.set()
            await stored.wait()
            return await append(updates)  # type: ignore[arg-type]

        yard.store.append_updates = late  # type: ignore[method-assign, assignment]
        ann.say("x")
        ben.say("y")
        await storing.wait()
        await yard.mute("ben")
        ann.leave()
        ben.leave()
        memory = yard.memories[0]
        assert not memory.try_take("tails", memory.limit), "there is room for more than is left"
        assert hub.papers == {}
        stored.set()
        await asyncio.sleep(0.1)
        assert (ann.waiting, ben.waiting) == (0, 0) and memory.held["papers"] == 0

    told(story)


def test_what_was_held_is_asked_for_and_taken_once_it_may_be() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ben, cas = await yard.person("ben", hub), await yard.person("cas", hub)
        await yard.mute("ben")
        ben.say("held, ")
        await asyncio.sleep(WATCHED_S)
        assert ben.denied and str(cas) == ""
        await yard.unmute("ben")
        await asyncio.sleep(WATCHED_S)
        ben.say("and told")
        await asyncio.sleep(0.1)
        assert ben.greeted == 2 and str(cas) == "held, and told"

    told(story)


def test_a_finished_paper_takes_nothing_until_it_is_open_again() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ben, cas = await yard.person("ben", hub), await yard.person("cas", hub)
        await yard.change(finished=True)
        ben.say("late")
        await asyncio.sleep(WATCHED_S)
        ben.say(" again")
        await asyncio.sleep(WATCHED_S)
        assert ben.denied == ["finished", "finished"] and str(cas) == "" and (await yard.paper()).seq == 0
        await yard.change(finished=False)
        await asyncio.sleep(WATCHED_S)
        assert str(cas) == "late again"

    told(story)


def test_what_the_bus_lost_is_told_where_a_refusal_loads_the_document_again() -> None:
    async def story(yard: Yard) -> None:
        here, there = await yard.node(), await yard.node()
        ben, cas, ann = await yard.person("ben", here), await yard.person("cas", here), await yard.person("ann", there)
        here.arrived = lambda event: True  # type: ignore[method-assign]  # it is lost
        await yard.mute("ben")
        ann.say("there ")
        await asyncio.sleep(0.05)
        ben.say("held")
        await asyncio.sleep(2 * WATCHED_S)
        assert ben.denied == ["muted"] and str(cas) == str(ann) == "there "

    told(story)


def test_what_comes_while_the_log_is_read_again_is_in_the_document() -> None:
    async def story(yard: Yard) -> None:
        here, there = await yard.node(), await yard.node()
        ben, ann = await yard.person("ben", here), await yard.person("ann", there)
        read = yard.store.paper_log

        async def slowly(id: str, after: int = 0) -> PaperLog | None:
            log = await read(id, after)
            await asyncio.sleep(0.5)
            return log

        await yard.mute("ben")
        yard.store.paper_log = slowly  # type: ignore[method-assign]
        ben.say("held")
        await asyncio.sleep(0.2)
        ann.say("there ")
        await asyncio.sleep(2 * WATCHED_S)
        yard.store.paper_log = read  # type: ignore[method-assign]
        cas = await yard.person("cas", here)
        assert ben.denied == ["muted"] and str(cas) == "there "

    told(story)


def test_what_cannot_be_decoded_ends_its_writer_alone() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben, cas = [await yard.person(name, hub) for name in ("ann", "ben", "cas")]
        ben.send(b"\xff\xff\xff")
        ann.say("fine")
        await asyncio.sleep(0.1)
        assert (ann.ended, ben.ended, cas.ended) == ([], ["unreadable"], []) and str(cas) == "fine"

    told(story)


def test_an_outage_of_the_store_ends_all_who_come_back_and_have_lost_nothing() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben = await yard.person("ann", hub), await yard.person("ben", hub)
        append = yard.store.append_updates

        async def fails(updates: object) -> object:
            await append(updates)  # type: ignore[arg-type]
            raise StorageFailed

        yard.store.append_updates = fails  # type: ignore[method-assign, assignment]
        ann.say("x")
        await asyncio.sleep(0.1)
        assert ann.ended == ben.ended == ["storage"]
        yard.store.append_updates = append  # type: ignore[method-assign]
        again = Person(ann.user_id)
        again.doc.apply_update(ann.doc.get_update())
        await again.follow(hub, "card")
        again.send(again.doc.get_update())
        reader = await yard.person("cas", hub)
        assert str(reader) == "x"

    told(story)


def test_who_takes_nothing_now_catches_up_from_the_log() -> None:
    async def story(yard: Yard) -> None:
        hub = await yard.node()
        ann, ben = await yard.person("ann", hub), await yard.person("ben", hub)
        ben.full = True
        for n in range(5):
            ann.say(str(n))
            await asyncio.sleep(0.1)
        assert ben.updates == []
        ben.full = False
        hub.go_on(ben.live, ben)
        await asyncio.sleep(0.1)
        assert str(ben) == "01234"

    told(story)
