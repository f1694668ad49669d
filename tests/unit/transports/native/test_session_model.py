"""Whole sessions of commands that are valid, nearly valid, or garbage, in any order and slicing, over a real store.

Whatever comes: no exception, no line in the log, every command answered once with a published code or the connection
closed with one, and the rooms are as sound as before.
"""

import asyncio
import itertools
import json
import logging
import random
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.codes import CLOSES, ERRORS
from madang.core.events import RoomCreated
from madang.protocol.native.commands import COMMANDS
from madang.transports.node import Node
from tests.stores import opened_store
from tests.unit.delivery.nodes import OWNER
from tests.unit.transports.nodes import running_node
from tests.unit.transports.peers import Frame, Peer
from tests.waiting import eventually
from tests.wire import TEXT, frame

ROOMS = ["yard", "hall", "attic"]
LAST = 999_999
FIRST = 10_000_000
_numbers = itertools.count(FIRST)  # of one length: what is drawn must not depend on how much was said before

words = st.sampled_from(
    ["hello", "", "가", "x" * 5000, "a\0", "\u202e", "👍", "owner", "member", "open", "u-owner", *ROOMS]
)
values = st.one_of(
    words,
    st.integers(-1, 40),
    st.none(),
    st.booleans(),
    st.just(2**63),
    st.lists(words, max_size=3),
    st.just({"a": {}}),
)
fitting = {
    "room": st.sampled_from(ROOMS),
    "seq": st.integers(1, 30),
    "text": words,
    "cid": st.sampled_from(["c1", "c2", "c3"]),
    "emoji": st.sampled_from(["👍", "🎉"]),
    "user": st.just("u-owner"),
    "role": st.sampled_from(["member", "moderator"]),
    "limit": st.integers(1, 200),
    "since": st.integers(0, 30),
    "before": st.integers(0, 30),
    "on": st.booleans(),
    "mentions": st.lists(st.just("u-owner"), max_size=2),
    "slow_ms": st.just(0),
}


@st.composite
def commands(draw: st.DrawFn) -> bytes:
    """One text: a command with most of its fields as they should be, or spoiled."""
    op = draw(st.sampled_from(sorted(COMMANDS)))
    told: Frame = {"op": op, "n": next(_numbers)}
    for name in COMMANDS[op].__struct_fields__:
        if name in fitting and draw(st.integers(0, 9)):
            told[name] = draw(fitting[name])
        elif not draw(st.integers(0, 9)):
            told[name] = draw(values)
    text = json.dumps(told, ensure_ascii=draw(st.booleans())).encode()
    how = draw(st.integers(0, 30))
    if how == 0:
        return text[: draw(st.integers(0, len(text)))]
    if how == 1:
        return draw(st.binary(max_size=40))
    return text.replace(b"{", b'{"n":1,', 1) if how == 2 else text


async def talk(node: Node, texts: list[bytes], chance: random.Random) -> None:
    """Say it all on one connection of somebody who follows a room, in slices, and hold what they got to the protocol."""
    peer = Peer(node).connect()
    session = peer.session
    peer.tell({"op": "hello", "n": 1, "guest": "Mina"}, {"op": "join", "n": 2, "room": "yard"})
    data = b"".join(frame(TEXT, text) for text in texts)
    size = chance.choice([1, 7, 100, 1 << 20])
    for start in range(0, len(data), size):
        await eventually(lambda: peer.transport.reading or peer.transport.closing)
        if not peer.transport.closing:
            peer.connection.data_received(data[start : start + size])
        if chance.random() < 0.05:
            await asyncio.sleep(0)
    await eventually(lambda: peer.transport.reading or peer.transport.closing)
    if not peer.transport.closing:
        peer.tell({"op": "ping", "n": LAST})
    await eventually(lambda: peer.answered(LAST) or peer.closed is not None)
    assert peer.closed is None or peer.closed in CLOSES, peer.closed
    await eventually(lambda: not session.in_flight)
    _sound(peer)
    peer.transport.abort()
    await eventually(lambda: peer.transport.lost)


def _sound(peer: Peer) -> None:
    told = [f for f in peer.frames if f["op"] in ("ok", "error")]
    numbers = [f["n"] for f in told if f.get("n", 0) >= FIRST]  # two texts may be cut off in the same part of theirs
    assert len(numbers) == len(set(numbers)), "answered twice"
    for f in told:
        assert f["op"] == "ok" or (f["code"] in ERRORS and f["code"] != "internal"), f
    if peer.closed is None:
        assert peer.answered(LAST)
    for room in ROOMS:
        peer.strict(room)


async def rooms_are_sound(node: Node, store: Any) -> None:
    """Every room's log is without a hole, begins with its creation, and is what the hub has of it."""
    await eventually(lambda: not node.turns.tasks and not node.appender.waiting)
    for room, head in (await store.heads(ROOMS)).items():
        log = await store.read(room, max(0, head - 900), 1000)
        assert [e.seq for e in log] == list(range(max(0, head - 900) + 1, head + 1))
        assert head > 900 or log[0].type == RoomCreated.type
        if (live := node.hub.rooms.get(room)) is not None:
            assert (live.next, live.live, live.lagging, node.hub.gaps.open) == (head + 1, 0, set(), {})


def test_sessions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        opening = opened_store(tmp_path)
        store = runner.run(opening.__aenter__())
        running = running_node(store)
        node = runner.run(running.__aenter__())
        runner.run(node.rooms.create(OWNER, "yard", "Yard", "open"))

        @settings(max_examples=settings().max_examples // 2)
        @given(st.lists(commands(), min_size=1, max_size=40), st.integers(0, 2**32))
        def say(texts: list[bytes], seed: int) -> None:
            runner.run(talk(node, texts, random.Random(seed)))

        try:
            say()
            runner.run(rooms_are_sound(node, store))
        finally:
            runner.run(running.__aexit__(None, None, None))
            runner.run(opening.__aexit__(None, None, None))
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []
