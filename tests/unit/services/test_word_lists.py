"""Word lists hold in rooms, on every node; who sets them; what becomes of messages, edits and reactions."""

import asyncio
from uuid import uuid4

import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.events import Draft, MessageEdited, MessageSent, decode_body
from madang.core.messages import Content
from madang.core.words import Words
from madang.errors import Refused
from madang.ports.bus import EVERYWHERE, Signal
from madang.services import word_lists
from madang.services.standing import Standing
from madang.transports.node import Node
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.services.test_rooms import HIDDEN, SHOP, YARD, code
from tests.unit.transports.nodes import running_node
from tests.waiting import eventually

MINA, BORA = user("mina"), user("bora")
MEMBER = Standing("member", 0)
LIST = Words(refuse=("bad",), mask=("rude",), flag=("spam",))


def says(node: Node, text: str, actor: Actor = OWNER, room: str = YARD, **more: bool) -> Draft:
    return node.posting.send(actor, MEMBER, room, uuid4().hex, Content(text=text), **more)


def refused(node: Node, text: str, actor: Actor = OWNER, room: str = YARD) -> bool:
    try:
        says(node, text, actor, room)
    except Refused as error:
        assert error.code == "bad_words"
        return True
    return False


async def test_a_list_holds_at_once_and_in_its_room_alone(node: Node) -> None:
    assert node.word_lists.of(YARD) == ()
    assert await node.word_lists.change(OWNER, YARD, LIST) == LIST
    assert await node.word_lists.show(SHOP, YARD) == LIST
    assert refused(node, "so BAD")
    assert not refused(node, "so BAD", room=HIDDEN)
    masked = says(node, "so rude")
    assert masked.content == MessageSent(text="so ****")
    assert decode_body(MessageSent, masked.body).text == "so ****"
    assert decode_body(MessageSent, masked.unmasked).text == "so rude"
    assert says(node, "spam, spam").flagged == "Word list: spam"
    await node.word_lists.change(OWNER, YARD, Words())
    assert not refused(node, "so BAD")
    assert node.word_lists.of(YARD) == ()


async def test_edits_are_judged_as_sends_and_reactions_by_their_words(node: Node) -> None:
    await node.word_lists.change(OWNER, YARD, LIST)
    edit = node.posting.edit(OWNER, MEMBER, YARD, 5, None, Content(text="rude spam"))
    assert isinstance(edit.content, MessageEdited)
    assert (edit.content.text, edit.flagged, edit.target) == ("**** spam", "Word list: spam", 5)
    with pytest.raises(Refused, match="not allowed here"):
        node.posting.edit(OWNER, MEMBER, YARD, 5, None, Content(text="bad"))
    for emoji in ("bad", "rude"):
        with pytest.raises(Refused, match="not allowed here"):
            node.posting.react(OWNER, MEMBER, YARD, 5, emoji, True)
        node.posting.react(OWNER, MEMBER, YARD, 5, emoji, False)
    node.posting.react(OWNER, MEMBER, YARD, 5, "👍", True)


async def test_what_may_be_in_the_log_is_looked_up_before_it_is_refused(node: Node) -> None:
    await node.word_lists.change(OWNER, YARD, LIST)
    assert says(node, "bad", perhaps_again=True).early == ("bad_words", 0)
    assert await code(node.appender.append(says(node, "bad", perhaps_again=True))) == "bad_words"


async def test_servers_are_not_judged_but_for_whom_they_speak_are(node: Node) -> None:
    await node.word_lists.change(OWNER, YARD, LIST)
    assert not refused(node, "bad", SHOP)
    assert refused(node, "bad", Actor(id="customer", name="Customer", server=True, via=SHOP.id))


async def test_the_list_of_the_server_holds_everywhere_besides_a_rooms_own(node: Node) -> None:
    await node.word_lists.change_servers(Words(refuse=("worse",), flag=("rude",)))
    await node.word_lists.change(OWNER, YARD, LIST)
    assert await node.word_lists.show_servers() == Words(refuse=("worse",), flag=("rude",))
    assert refused(node, "worse") and refused(node, "bad") and refused(node, "worse", room=HIDDEN)
    assert says(node, "rude", room=HIDDEN).flagged == "Word list: rude"


async def test_who_may_see_and_set_a_list(node: Node) -> None:
    for room in (YARD, HIDDEN, "nowhere"):
        assert await code(node.word_lists.show(BORA, room)) == "not_found"
        assert await code(node.word_lists.change(BORA, room, LIST)) == "not_found"
    await node.rooms.enter(MINA, YARD)
    assert await code(node.word_lists.show(MINA, YARD)) == "forbidden"
    assert await code(node.word_lists.change(MINA, YARD, LIST)) == "forbidden"


async def test_other_nodes_hear_of_a_list_and_read_it_anyway(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = MemoryBroker()
    async with (
        running_node(store, MemoryBus(broker), watch=True) as one,
        running_node(store, MemoryBus(broker), watch=True) as two,
    ):
        await one.word_lists.change(OWNER, YARD, LIST)
        await eventually(lambda: refused(two, "bad"))
        await one.word_lists.change(OWNER, YARD, Words())
        await eventually(lambda: not refused(two, "bad"))
    monkeypatch.setattr(word_lists, "POLL_S", 0.01)
    async with running_node(store, watch=True) as one, running_node(store, watch=True) as deaf:
        await one.word_lists.change(OWNER, YARD, LIST)
        await eventually(lambda: refused(deaf, "bad"))
    async with running_node(store, watch=True) as started:
        assert refused(started, "bad"), "lists are read before anybody speaks"


async def test_a_list_that_was_read_before_it_was_changed_here_is_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, changed, words = asyncio.Event(), asyncio.Event(), store.words
    reads = 0

    async def slow(room: str) -> tuple[int, Words]:
        nonlocal reads
        found = await words(room)
        read.set()
        await changed.wait()
        reads += 1
        return found

    async with running_node(store, watch=True) as node:
        monkeypatch.setattr(store, "words", slow)
        node.word_lists.receive(Signal(EVERYWHERE, word_lists.CHANGED, YARD, b"null"))
        await read.wait()
        await node.word_lists.change(OWNER, YARD, LIST)
        changed.set()
        await eventually(lambda: reads == 2)
        assert refused(node, "bad")


async def test_lists_that_are_ready_are_bounded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_lists, "LETTERS", 12)
    await node.word_lists.change(OWNER, YARD, LIST)
    await node.word_lists.change(SHOP, HIDDEN, LIST)
    for _ in range(2):
        for room in (YARD, HIDDEN):
            assert refused(node, "bad", room=room)
            assert node.word_lists.letters == 11
