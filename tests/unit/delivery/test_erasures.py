"""Who was erased is so in what nodes keep in memory, too: no join, resume or catching up shows more than the log has."""

import json
from typing import Any

import pytest

from madang.core.events import MemberErased, MemberJoined, MessageDeleted, MessageEdited, MessageSent, draft
from madang.delivery.tail import _size
from madang.services.rooms import SYSTEM
from tests.unit.delivery.nodes import YARD, Node, user
from tests.waiting import eventually

MINA, BORA = user("mina"), user("bora")


async def done(node: Node, body: Any, who: str, name: str) -> int:
    appended = await node.appender.append(draft(body, YARD, who, name, server=True))
    assert appended is not None
    return appended.event.seq


async def talk(node: Node) -> list[int]:
    """Let Bora do everything that shows her, with Mina's messages between; return the seqs of Bora's events."""
    live = await node.live(YARD)
    mine = [await done(node, MemberJoined(role="member", picture="https://a.example/bora"), BORA.id, "Bora")]
    for n in range(3):
        mine.append(await done(node, MessageSent(text=f"Bora's {n}"), BORA.id, "Bora"))
        await done(node, MessageSent(text=f"Mina's {n}"), MINA.id, "Mina")
    mine.append(await done(node, MessageEdited(target=mine[1], text="Bora's again"), BORA.id, "Bora"))
    mine.append(await done(node, MessageDeleted(target=mine[2]), BORA.id, "Bora"))
    await eventually(lambda: live.sealed == mine[-1])
    return mine


@pytest.mark.parametrize("messages", [True, False])
async def test_a_tail_has_no_more_than_the_log(node: Node, messages: bool) -> None:
    mine = await talk(node)
    live = await node.live(YARD)
    last = await done(node, MemberErased(member=BORA.id, messages=messages), SYSTEM.id, SYSTEM.name)
    await eventually(lambda: live.sealed == last)
    joined = await node.join(node.subscriber(), YARD, MINA, since=mine[0] - 1, epoch=live.epoch)
    events = {event["seq"]: event for event in map(json.loads, joined.events)}
    assert list(events) == list(range(mine[0], last + 2)), "and that Mina joined"
    assert all(events[seq]["name"] == "" and "picture" not in events[seq] for seq in mine)
    assert (b"Bora's" in b"".join(joined.events)) is not messages
    said = [(event.get("text"), event.get("deleted")) for event in events.values() if event["type"] == "message.sent"]
    theirs = [(None, True)] * 3 if messages else [("Bora's 0", None), (None, True), ("Bora's 2", None)]
    assert said[::2] == theirs and [text for text, _ in said[1::2]] == ["Mina's 0", "Mina's 1", "Mina's 2"]
    assert live.tail.size == sum(map(_size, live.tail.entries))


async def test_those_who_follow_are_told_in_order(node: Node) -> None:
    subscriber = node.subscriber()
    await node.join(subscriber, YARD, MINA)
    await talk(node)
    last = await done(node, MemberErased(member=BORA.id, messages=True), SYSTEM.id, SYSTEM.name)
    await eventually(lambda: any(event["seq"] == last for event in subscriber.of("event")))
    told = subscriber.of("event")[-1]
    assert (told["type"], told["member"], told["messages"]) == ("member.erased", BORA.id, True)
