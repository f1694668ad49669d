"""The session: commands in order, answers out, hello and membership."""

import random
from collections.abc import Callable
from time import perf_counter

import msgspec
import pytest

from madang.delivery.room import FEW
from madang.protocol.native.answers import ANSWERS
from madang.protocol.native.commands import COMMANDS
from madang.services.tokens import LEEWAY_S, TOKEN_S
from madang.transports.native.operations import OPERATIONS
from madang.transports.native.session import NOTICE_S
from madang.transports.node import Node
from madang.transports.shares import Shares
from tests.seeds import seeds
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.transports.conftest import RunningGated
from tests.unit.transports.peers import HELLO, Peer, greeted, message, turn
from tests.waiting import eventually, turns

# -- order -------------------------------------------------------------------------------------------------------------


async def test_all_in_one_packet(node: Node) -> None:
    peer = Peer(node).connect()
    sends = [message(n) for n in range(3, 23)]
    peer.tell(HELLO, {"op": "join", "n": 2, "room": "yard"}, *sends, {"op": "history", "n": 23, "room": "yard"})
    page = await peer.answer(23)
    await peer.answer(22)
    numbers = [f["n"] for f in peer.of("ok")]
    assert numbers[:2] == [1, 2]
    assert sorted(numbers[2:]) == list(range(3, 24))
    acks = [f for f in peer.of("ok") if 3 <= f["n"] <= 22]
    assert [f["seq"] for f in acks] == list(range(3, 23))
    assert [f["n"] for f in acks] == list(range(3, 23))
    await eventually(lambda: peer.strict("yard") == 22)
    assert {m["seq"] for m in page["messages"]} <= set(range(3, 23))


async def test_a_read_behind_its_own_sends_has_what_was_acked(node: Node) -> None:
    peer = await greeted(node)
    for n in range(10, 30):
        ack = await peer.ask(**message(n))
        page = await peer.ask(op="history", n=n + 100, room="yard")
        assert page["messages"][-1]["seq"] == ack["seq"]


async def test_what_waits_for_storage_holds_up_only_what_follows_it(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = await greeted(node)
        store.pages.clear()
        peer.tell({"op": "ping", "n": 10}, {"op": "history", "n": 11, "room": "yard"}, {"op": "ping", "n": 12})
        await peer.answer(10)
        await turns()
        assert peer.answered(12) is None
        store.pages.set()
        await peer.answer(12)
        assert [f["n"] for f in peer.of("ok")][-3:] == [10, 11, 12]


async def test_a_command_that_fails_is_answered_and_the_next_goes_on(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = await greeted(node)
        store.failing = ValueError("what nobody expected")
        peer.tell({"op": "history", "n": 10, "room": "yard"}, {"op": "ping", "n": 11})
        assert (await peer.answer(10))["code"] == "internal"
        await peer.answer(11)
        assert not peer.transport.closing


async def test_a_handler_that_fails_is_answered_and_the_connection_lives(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = await greeted(node)

    def broken(room: str, user: str, seq: int, stood: int) -> None:
        raise ValueError

    monkeypatch.setattr(node.read_pointers, "mark", broken)
    peer.tell({"op": "read", "n": 10, "room": "yard", "seq": 1}, {"op": "ping", "n": 11})
    assert (await peer.answer(10))["code"] == "internal"
    await peer.answer(11)


def test_every_command_has_its_operation_and_its_answer() -> None:
    assert set(OPERATIONS) == set(COMMANDS.values())
    assert set(ANSWERS) == set(COMMANDS)


# -- hello and membership ----------------------------------------------------------------------------------------------


async def test_hello_comes_first_and_once(node: Node) -> None:
    peer = Peer(node).connect()
    assert (await peer.ask(op="ping", n=1))["code"] == "hello_first"
    assert (await peer.ask(op="hello", n=2, guest="Mina", v=99))["code"] == "bad_version"
    assert (await peer.ask(op="hello", n=3))["code"] == "bad_field"
    assert (await peer.ask(op="hello", n=4, guest="Mina", token="x"))["code"] == "bad_field"
    assert (await peer.ask(op="hello", n=5, guest="\u202e"))["code"] == "bad_name"
    assert (await peer.ask(op="hello", n=6, guest="Mina"))["op"] == "ok"
    assert (await peer.ask(op="hello", n=7, guest="Mina"))["code"] == "hello_twice"


async def test_a_bad_token_closes(node: Node) -> None:
    peer = Peer(node).connect()
    assert (await peer.ask(op="hello", n=1, token="x.y.z"))["code"] == "bad_token"
    assert peer.closed == 4401


async def test_a_token_makes_the_same_user(node: Node) -> None:
    first = await greeted(node)
    token = next(f["token"] for f in first.of("ok") if "token" in f)
    again = Peer(node).connect()
    assert (await again.ask(op="hello", n=1, token=token))["user"]["id"] == first.user


@pytest.mark.parametrize("op", ["send", "edit", "delete", "react", "pin", "history", "pins", "members", "presence"])
async def test_rooms_that_are_not_followed(node: Node, op: str) -> None:
    peer = await greeted(node, rooms=())
    more = {"seq": 1, "text": "x", "cid": "c", "emoji": "x"}
    assert (await peer.ask(op=op, n=10, room="yard", **more))["code"] == "not_member"


async def test_too_many_rooms(node: Node) -> None:
    for n in range(node.max_rooms):
        await node.rooms.create(OWNER, f"room-{n}", "", "open")
    peer = await greeted(node, rooms=[f"room-{n}" for n in range(node.max_rooms)])
    assert (await peer.ask(op="join", n=20, room="yard"))["code"] == "too_many"
    assert (await peer.ask(op="join", n=21, room="room-0"))["op"] == "ok", "one it follows already"
    await peer.ask(op="leave", n=22, room="room-1")
    assert (await peer.ask(op="join", n=23, room="yard"))["op"] == "ok"


async def test_who_is_kicked_can_do_nothing_there(node: Node) -> None:
    peer, other = await greeted(node), await greeted(node, "Bora")
    await node.rooms.kick(OWNER, "yard", peer.user)
    assert (await peer.ask(**message(10)))["code"] == "not_member"
    await other.ask(**message(11))
    await eventually(lambda: other.of("event")[-1:] and other.of("event")[-1].get("text"))
    assert peer.strict("yard") is None
    assert peer.of("event")[-1]["type"] == "member.kicked"
    assert peer.connection.subscriptions == {}


async def test_a_connection_that_goes_while_it_joins_leaves_nothing(gated: RunningGated) -> None:
    async with gated() as (node, store):
        peer = Peer(node).connect()
        await peer.ask(**HELLO)
        store.go.clear()
        asked = store.asked
        peer.tell({"op": "join", "n": 2, "room": "yard"}, {"op": "ping", "n": 3})
        await eventually(lambda: store.asked > asked)
        peer.transport.abort()
        await eventually(lambda: peer.transport.lost)
        store.go.set()
        await eventually(lambda: not node.turns.tasks)
        live = node.hub.rooms["yard"]
        assert (live.live, live.lagging, node.hub.presence.devices) == (0, set(), {})
        assert peer.answered(3) is None


async def test_notices_are_not_answered_unless_asked(node: Node) -> None:
    peer = await greeted(node)
    before = len(peer.of("ok"))
    peer.tell({"op": "typing", "room": "yard"}, {"op": "read", "room": "yard", "seq": 1})
    peer.tell(
        {"op": "typing", "n": 10, "room": "yard", "on": False}, {"op": "read", "n": 11, "room": "yard", "seq": 99}
    )
    await peer.answer(11)
    assert [f["n"] for f in peer.of("ok")[before:]] == [10, 11]
    assert dict(node.hub.rooms["yard"].readers) == {}, (
        "the newest was read by joining, and a pointer does not pass the room"
    )


class Nothing:
    """Somebody who has one piece, of nothing."""

    def work(self) -> bool:
        return False


async def test_a_crowd_joins_in_turns_and_who_has_gone_takes_none(node: Node) -> None:
    peers = [await greeted(node, f"Peer {n}", rooms=()) for n in range(4)]
    held, calls = True, list[Callable[[], None]]()
    node.shares = Shares(perf_counter, lambda s, call: calls.append(call) if held else node.turns.later(s, call))
    node.shares.enter("10.0.0.9", Nothing())  # whoever comes now comes behind it
    for peer in peers:
        peer.tell({"op": "join", "n": 2, "room": "yard"}, message(3))
    assert next(m.value for m in node.shares.metrics()) == 5
    peers[2].transport.abort()
    await eventually(lambda: peers[2].transport.lost)
    held = False
    calls.pop()()
    for peer in (peers[0], peers[1], peers[3]):
        assert (await peer.answer(2))["op"] == (await peer.answer(3))["op"] == "ok", (
            "what comes behind it waits with it"
        )
    members = msgspec.json.decode((await node.reading.members(OWNER, "yard", "", 50)).text)
    assert {"Peer 0", "Peer 1", "Peer 3"} <= {m["name"] for m in members}
    assert "Peer 2" not in {m["name"] for m in members}


# -- the answer to join comes before what follows it -------------------------------------------------------------------


@pytest.mark.parametrize("followers", [0, FEW, FEW + 1, FEW * 2])
@pytest.mark.parametrize("seed", seeds(2, 8))
async def test_every_peer_follows_without_a_hole_or_a_double(node: Node, seed: int, followers: int) -> None:
    """Peers join, join again, leave, send and fill up at random, in small and large audiences."""
    chance = random.Random(seed)
    peers = [await greeted(node, f"P{n}") for n in range(followers)]
    cast: list[Peer] = []
    for _ in range(4):
        peer = Peer(node).connect()
        peer.tell(HELLO)
        cast.append(peer)
    number = 100
    for _ in range(60):
        number += 10
        peer = chance.choice(cast)
        other = chance.choice([*peers, peer]) if peers else peer
        act = chance.random()
        if peer.transport.reading and not peer.transport.stuck:
            if act < 0.35:
                join = {"op": "join", "n": number, "room": "yard", "limit": chance.choice([0, 3])}
                peer.tell(
                    *chance.choice(
                        [[join], [message(number + 1), join, message(number + 2)], [join, message(number + 3)]]
                    )
                )
            elif act < 0.5:
                peer.tell({"op": "leave", "n": number, "room": "yard"}, {"op": "join", "n": number + 1, "room": "yard"})
            elif act < 0.6:
                peer.transport.stuck = True
                peer.transport.set_write_buffer_limits(200, 100)
            else:
                peer.tell(message(number))
        elif act < 0.5:
            peer.transport.stuck = False
            peer.transport.set_write_buffer_limits(1 << 20, 1 << 19)
            peer.transport.read()
        if other.transport.reading and not other.transport.stuck:
            other.tell(*(message(number + 4 + i) for i in range(chance.randint(0, 3))))
        if chance.random() < 0.15:
            await node.rooms.enter(user("bora"), "yard")
            await node.rooms.leave(user("bora"), "yard")
        await turns(chance.choice([0, 0, 1, 3, 20]))
    for peer in cast:
        peer.transport.stuck = False
        peer.transport.set_write_buffer_limits(1 << 20, 1 << 19)
        peer.transport.read()
    await eventually(lambda: not node.turns.tasks and not node.appender.waiting)
    live = node.hub.rooms["yard"]
    await eventually(lambda: live.sealed == live.next - 1 and not live.batches and not live.lagging)
    await turns()
    for peer in [*peers, *cast]:
        subscription = peer.connection.subscriptions.get("yard")
        assert peer.strict("yard") == (live.sealed if subscription is not None else None)


# -- tokens that end ---------------------------------------------------------------------------------------------------


async def test_a_connection_ends_with_its_token_unless_a_newer_one_is_shown(node: Node) -> None:
    began = node.now()
    kept, ended = await greeted(node), await greeted(node, "Bora")
    node.now = lambda: began + TOKEN_S - 60
    answer = await kept.ask(op="refresh", n=50, token=node.identity.tokens.sign(kept.session.actor(), node.now()).token)
    assert answer["expires_ms"] > (TOKEN_S - 60) * 1000
    node.now = lambda: began + TOKEN_S + LEEWAY_S + 1
    turn(node, int(node.ping_s) + 1)
    assert (kept.closed, ended.closed) == (None, 4401)


async def test_a_client_is_told_once_that_its_token_ends_soon(node: Node) -> None:
    began = node.now()
    peer = await greeted(node)

    async def told(now: float) -> list[int]:
        """What it was told by then; it says something itself, or it would be dropped for its silence."""
        node.now = lambda: now
        turn(node, int(node.ping_s) + 1)
        await peer.ask(op="ping", n=70)
        return [frame["expires_ms"] for frame in peer.of("expiring")]

    ends = began + TOKEN_S + LEEWAY_S
    assert await told(ends - NOTICE_S - 2) == []
    (expires_ms,) = await told(ends - NOTICE_S + 2)
    assert 0 < expires_ms <= NOTICE_S * 1000
    assert len(await told(ends - NOTICE_S / 2)) == 1
    token = node.identity.tokens.sign(peer.session.actor(), node.now()).token
    assert (await peer.ask(op="refresh", n=50, token=token))["op"] == "ok"
    ends = node.now() + TOKEN_S + LEEWAY_S
    assert len(await told(ends - NOTICE_S - 2)) == 1
    assert len(await told(ends - NOTICE_S + 2)) == 2


async def ticket_of(peer: Peer) -> str:
    node, me = peer.node, peer.session.actor()
    return (await node.identity.ticket(me, node.identity.tokens.sign(me, node.now()).token, node.now(), "")).text


async def test_a_ticket_stands_for_the_token_in_hello_and_in_refresh(node: Node) -> None:
    mina, bora = await greeted(node), await greeted(node, "Bora")
    peer = Peer(node).connect()
    peer.tell({"op": "hello", "n": 1, "ticket": await ticket_of(mina)}, {"op": "join", "n": 2, "room": "yard"})
    hello = await peer.answer(1)
    assert hello["user"]["id"] == mina.session.actor().id
    assert "token" not in hello
    assert (await peer.answer(2))["op"] == "ok", "what was pipelined behind it waited for it"
    until, later = peer.session.until, node.now() + 100
    node.now = lambda: later
    answer = await peer.ask(op="refresh", n=50, ticket=await ticket_of(mina))
    assert "token" not in answer
    assert peer.session.until > until
    assert (await peer.ask(op="refresh", n=51, ticket=await ticket_of(bora)))["code"] == "bad_field"
    for fields in ({}, {"token": "x", "ticket": "x"}):
        assert (await peer.ask(op="refresh", n=52, **fields))["code"] == "bad_field"
    assert (await peer.ask(op="refresh", n=53, ticket="x"))["code"] == "bad_token"
    assert peer.closed == 4401


async def test_a_connection_that_is_gone_when_its_ticket_is_noted_is_not_kept(gated: RunningGated) -> None:
    async with gated() as (node, store):
        mina = await greeted(node)
        ticket = await ticket_of(mina)
        peer = Peer(node).connect()
        store.tickets.clear()
        peer.tell({"op": "hello", "n": 1, "ticket": ticket})
        await eventually(lambda: node.turns.tasks > 0)
        peer.transport.abort()
        await eventually(lambda: peer.transport.lost)
        store.tickets.set()
        await eventually(lambda: not node.turns.tasks)
        assert list(node.sessions.users()) == [mina.session.actor().id]


async def test_another_users_token_does_not_refresh(node: Node) -> None:
    peer = await greeted(node)
    answer = await peer.ask(op="refresh", n=50, token=node.identity.tokens.sign(user("bora"), node.now()).token)
    assert (answer["code"], peer.closed) == ("bad_field", None)
    assert (await peer.ask(op="refresh", n=51, token="x"))["code"] == "bad_token"
    assert peer.closed == 4401


async def test_who_is_kicked_stops_typing(node: Node) -> None:
    peer = await greeted(node)
    me = peer.session.actor().id
    peer.tell({"op": "typing", "room": "yard"})
    await eventually(lambda: ("yard", me) in node.hub.ephemeral.typing)
    await node.rooms.kick(OWNER, "yard", me)
    assert ("yard", me) not in node.hub.ephemeral.typing, "at once, not after six seconds"
    assert (await peer.ask(op="join", n=60, room="yard"))["code"] == "kicked"
