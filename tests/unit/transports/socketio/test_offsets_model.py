"""An offset says how far a client is in all its rooms, wherever what it gets is cut off; and it goes on from there without a hole."""

import asyncio
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from madang.protocol import offsets
from madang.protocol.socketio import engine
from madang.transports.node import Node
from madang.transports.socketio.client import Client
from madang.transports.socketio.encoding import packets
from tests.seeds import seeds
from tests.waiting import eventually

ROOMS = ["north", "south", "west"]
CLIENTS = 20  # more than the few that are written to at the end of a turn
STEPS = 150


class Tape:
    """A carrier that keeps what is written, and is full on request."""

    def __init__(self) -> None:
        self.said: list[Any] = []  # [name, …, offset] of events, [id, answer] of acks
        self.paused = False
        self.closed = False
        self.write_now: Callable[[bytes], None] = self._write

    def _write(self, data: bytes) -> None:
        for packet in packets(data):
            if packet[:2] == b"42":
                self.said.append(json.loads(packet[2:]))
            elif packet[:2] == b"43":
                number, _, answer = packet[2:].partition(b"[")
                self.said.append([int(number), json.loads(b"[" + answer)[0]])

    queue = send = _write

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        self._write(b"".join(pieces))

    def flush(self) -> None:
        pass

    def read_on(self, on: bool) -> None:
        pass

    async def drained(self, coming: int = 0) -> None:
        pass

    def close(self, code: int, reason: str) -> None:
        self.closed = True


class Person:
    """A client, what it said and what it heard."""

    def __init__(self, node: Node, **auth: str) -> None:
        self.tape = Tape()
        self.client = Client(node.socketio, "10.0.0.1", self.tape)
        node.socketio.add(self.client)
        self.asked = 0
        self.say(f"0{json.dumps(auth)}")

    def say(self, packet: str) -> None:
        self.client.hear(engine.packet("4" + packet))

    def ask(self, name: str, **fields: Any) -> int:
        self.asked += 1
        self.say(f"2{self.asked}" + json.dumps([name, fields]))
        return self.asked

    async def answered(self, number: int) -> Any:
        return (await eventually(lambda: [said[1] for said in self.tape.said if said[0] == number]))[0]

    def pause(self, node: Node, on: bool) -> None:
        self.tape.paused = on
        if on:
            node.hub.pause(self.client)
        else:
            self.client.resume()


def _checked(said: list[Any], me: str) -> list[dict[str, int]]:
    """Return where the client is after each event, by what it was told; and see that each offset says so."""
    follows: dict[str, int] = {}
    after = []
    for i, each in enumerate(said):
        if isinstance(each[0], int):
            continue
        name, fields, offset = each
        if name == "read" and fields["readers"].get(me) is not None and isinstance(said[i + 1][0], int):
            follows[said[i + 1][1]["room"]["id"]] = said[i + 1][1]["seq"]
        elif "seq" in fields and name != "behind":
            room = fields["room"]
            if name in ("member.left", "member.kicked") and me in (fields["user"], fields.get("member")):
                follows.pop(room, None)
            elif room in follows:
                assert fields["seq"] == follows[room] + 1, "a hole, or twice"
                follows[room] = fields["seq"]
        positions = offsets.read(offset, 100)
        assert positions is not None
        assert {p.room: p.seq for p in positions} == follows, (name, fields)
        after.append(dict(follows))
    return after


@pytest.mark.parametrize("seed", seeds(3, 30))
async def test_an_offset_says_how_far_a_client_is(node: Node, seed: int) -> None:
    dice = random.Random(seed)
    people = [Person(node, guest=f"P{n}") for n in range(CLIENTS)]
    for person in people:
        await eventually(lambda person=person: person.tape.said)  # type: ignore[misc]
    for room in ROOMS:
        await people[0].answered(people[0].ask("create", room=room, title=room))
    for _ in range(STEPS):
        person, room = dice.choice(people), dice.choice(ROOMS)
        match dice.randrange(12):
            case 0 | 1 | 2 | 3:
                person.ask("join", room=room)
            case 4:
                person.ask("leave", room=room)
            case 5:
                person.pause(node, not person.tape.paused)
            case 6:
                person.ask("typing", room=room)
            case _:
                person.ask("send", room=room, text="x")
        if dice.random() < 0.3:
            await asyncio.sleep(0)
    for person in people:
        if person.tape.paused:
            person.pause(node, False)
    for person in people:
        for number in range(1, person.asked + 1):
            await person.answered(number)
    heads = {room: await node.hub.reader.head(room) for room in ROOMS}
    for person in people:
        await eventually(lambda person=person: _reached(person, heads))  # type: ignore[misc]
        me = person.client.session.actor().id
        after = _checked(person.tape.said, me)
        await _cut_off(node, person, me, after, dice)


def _reached(person: Person, heads: dict[str, int]) -> bool:
    positions = offsets.read(person.client.offset().decode(), 100) or []
    return all(position.seq >= heads[position.room] for position in positions)


async def _cut_off(node: Node, person: Person, me: str, after: list[dict[str, int]], dice: random.Random) -> None:
    """Let a client come back as if it had heard no more than some of what was written to it."""
    events = [each for each in person.tape.said if isinstance(each[0], str)]
    cut = dice.randrange(len(events))
    access = node.identity.tokens.sign(person.client.session.actor(), node.now())
    pid = node.identity.pid(access, person.client.sid)
    again = Person(node, pid=pid, offset=events[cut][-1])
    await eventually(lambda: again.client.session.is_open and again.client.sid == person.client.sid)
    left = {room for room in after[cut] if room not in again.client.subscriptions}
    heads = {room: await node.hub.reader.head(room) for room in ROOMS}
    await eventually(lambda: _reached(again, heads))
    for room, seq in after[cut].items():
        if room not in left:
            seqs = [each[1]["seq"] for each in again.tape.said if "." in str(each[0]) and each[1]["room"] == room]
            assert seqs == list(range(seq + 1, heads[room] + 1)), "once and in order"
    again.client.lost()
