"""A fleet in one process and in virtual time: nodes on one slow store and a bad bus, people who come, go and are kicked.

What everybody must have seen is said in `Fleet.judge`. All bounds of delivery are small here, so that a few dozen events
reach every path: a tail that is too short, reads in several steps, sockets over their budget, resets.
"""

import asyncio
import itertools
import math
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import Any
from unittest import mock

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.core.actors import Actor
from madang.core.events import Event, MessageSent, draft
from madang.core.ids import IdSource
from madang.testing import FakeClock, LossyBus, ModelStore
from madang.transports.node import Node
from tests.simulation import SlowStore
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.transports.nodes import running_node
from tests.unit.transports.peers import Frame, Peer

ROOM = "yard"
BOUNDS = {
    "madang.delivery.reader": {"TAIL": 8, "READ": 5},
    "madang.delivery.gaps": {"READ": 5, "HELD": 6},
    "madang.delivery.hub": {"READ": 5, "HELD": 6},
    "madang.delivery.tail": {"TAIL": 8},
    "madang.delivery.joining": {"RESUME_EVENTS": 40, "JOIN_BYTES": 3000},
    "madang.delivery.catching_up": {"RESUME_EVENTS": 40, "JOIN_BYTES": 3000, "CHUNK": 600},
    "madang.transports.websocket.connection": {"HIGH_WATER": 2000, "LOW_WATER": 500},
}
LEASE_S = 3.0  # after which a dead node's number is free
QUIET_S = 2.0  # until whatever was lost is there: the promise is a second, and the store takes its time


@contextmanager
def small_bounds(*but: str) -> Iterator[None]:
    """Make the bounds of delivery so small that a few events reach them, `but` for those named."""
    with ExitStack() as stack:
        for module, bounds in BOUNDS.items():
            chosen: dict[str, Any] = {name: bound for name, bound in bounds.items() if name not in but}
            stack.enter_context(mock.patch.multiple(module, **chosen))
        yield


class Person:
    """Somebody with one connection at a time; the former ones are kept, to be judged."""

    def __init__(self, who: Actor, token: str) -> None:
        self.who = who
        self.token = token
        self.peers: list[Peer] = []
        self.asked: dict[int, list[int]] = {}  # of each of their connections, the numbers of its commands

    @property
    def peer(self) -> Peer | None:
        """Their connection, if they have one."""
        return self.peers[-1] if self.peers and not self.peers[-1].transport.closing else None

    def tell(self, **command: Any) -> None:
        """Say something on their connection, if there is one and the server reads it."""
        if (peer := self.peer) is not None and peer.transport.reading:
            numbers = self.asked[len(self.peers)]
            numbers.append(len(numbers) + 1)
            peer.tell({**command, "n": numbers[-1]})


class Fleet:
    """Nodes, people, and the log that is the truth."""

    def __init__(self, seed: int, nodes: int, names: list[str], *, access: str = "open", fail: float = 0.0) -> None:
        broker = MemoryBroker()
        self.model = ModelStore(IdSource(1), FakeClock())
        self.buses = [LossyBus(MemoryBus(broker if nodes > 1 else None), seed + n, late_s=0.1) for n in range(nodes)]
        self.stores = [SlowStore(self.model, seed * 10 + n, fail) for n in range(nodes)]
        self.nodes: list[Node] = []
        self.people: dict[str, Person] = {}
        self._names = names
        self._access = access
        self._running: list[AbstractAsyncContextManager[Node]] = []  # by node
        self._starts = itertools.count(1)
        self._holders: dict[str, float] = {}  # until when a name holds its number
        self._cids = itertools.count(1)
        self.texts: dict[str, tuple[str, str]] = {}  # cid -> who said what

    async def start(self) -> None:
        """Start the nodes and open the room."""
        for n in range(len(self.buses)):
            running = self._node(n)
            with self._sound(n):
                self.nodes.append(await running.__aenter__())
            self._running.append(running)
        with self._sound(0):
            await self.nodes[0].rooms.create(OWNER, ROOM, "Yard", self._access)
        for who in [OWNER, *map(user, self._names)]:
            self.people[who.id] = Person(who, self.nodes[0].identity.tokens.sign(who, self.nodes[0].now()).token)

    @contextmanager
    def _sound(self, n: int) -> Iterator[None]:
        """A node's store does not fail: a node does not start then, or its room is not there."""
        fail, self.stores[n].fail = self.stores[n].fail, 0.0
        try:
            yield
        finally:
            self.stores[n].fail = fail

    async def stop(self) -> None:
        """Stop the nodes."""
        for running in self._running:
            await running.__aexit__(None, None, None)

    def _node(self, n: int) -> AbstractAsyncContextManager[Node]:
        name = f"node-{n}.{next(self._starts)}"
        self._holders[name] = math.inf
        clock = asyncio.get_running_loop().time
        return running_node(self.stores[n], self.buses[n], name=name, holders=self._held, watch=True, clock=clock)

    async def _held(self) -> list[str]:
        now = asyncio.get_running_loop().time()
        return [name for name, until in self._holders.items() if until > now]

    async def crash(self, n: int) -> None:
        """A node dies in the middle of whatever it does, saying nothing, and another starts in its place."""
        node = self.nodes[n]
        self._holders[node.name] = asyncio.get_running_loop().time() + LEASE_S
        for person in self.people.values():
            if (peer := person.peer) is not None and peer.node is node:
                peer.transport.abort()
        await self._running[n].__aexit__(None, None, None)
        self._running[n] = self._node(n)
        with self._sound(n):
            self.nodes[n] = await self._running[n].__aenter__()

    @property
    def log(self) -> list[Event]:
        return self.model.rooms_by_id[ROOM].log

    # -- what people do ------------------------------------------------------------------------------------------------

    def comes(self, person: Person, node: int, *, resume: bool) -> None:
        """Connect to a node and join, from where they are if they may; their former connection breaks."""
        position = epoch = None
        if person.peers:
            self.goes(person)
            position = person.peers[-1].strict(ROOM)
            joins = [f for f in person.peers[-1].frames if f["op"] == "ok" and "epoch" in f]
            epoch = joins[-1]["epoch"] if joins else None
        person.peers.append(Peer(self.nodes[node]).connect())
        person.asked[len(person.peers)] = []
        person.tell(op="hello", token=person.token)
        since = {"since": position, "epoch": epoch} if resume and position is not None else {}
        person.tell(op="join", room=ROOM, limit=20, **since)

    def goes(self, person: Person) -> None:
        """Break their connection; what was on its way to them is lost."""
        if (peer := person.peer) is not None:
            peer.transport.abort()

    def sends(self, person: Person) -> None:
        """Say something new."""
        cid = f"c-{next(self._cids)}"
        self.texts[cid] = (person.who.id, f"{cid} {'.' * 150}")
        self.repeats(person, cid)

    def repeats(self, person: Person, cid: str) -> None:
        """Say something of theirs again, under the same cid."""
        who, text = self.texts[cid]
        if who == person.who.id:
            person.tell(op="send", room=ROOM, cid=cid, text=text)

    def drops_in(self, who: Actor) -> None:
        """Say something without a connection, as over REST."""
        cid = f"c-{next(self._cids)}"
        self.texts[cid] = (who.id, cid)
        said = draft(MessageSent(text=cid), ROOM, who.id, who.name, cid=cid)
        self.nodes[0].appender.submit(said, lambda tag, outcome: None)

    # -- the model -----------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """End all trouble but that of the bus, which goes on losing, or stays cut: from now on everybody reads."""
        for store in self.stores:
            store.fail = 0.0
        for person in self.people.values():
            if (peer := person.peer) is not None:
                peer.transport.stuck = False
                peer.transport.read()

    def judge(self) -> None:
        """Hold what everybody saw to the log, after `heal` and QUIET_S."""
        following = [0] * len(self.nodes)
        for person in self.people.values():
            for n, each in enumerate(person.peers, 1):
                self._seen(each)
                self._answered(each, person, person.asked[n])
            if (peer := person.peer) is not None:
                position = peer.strict(ROOM)
                assert position in (None, len(self.log)), f"{person.who.id} is at {position} of {len(self.log)}"
                following[self.nodes.index(peer.node)] += position is not None
        self._stored()
        for node, count in zip(self.nodes, following, strict=True):
            live = node.hub.rooms.get(ROOM)
            there = (live.live, len(live.lagging), len(node.hub.gaps.open)) if live else (0, 0, 0)
            assert there == (count, 0, 0), f"live, lagging, gaps: {there}, and {count} follow"
            assert not node.hub.opening and not node.appender.waiting

    def _seen(self, peer: Peer) -> None:
        """Hold a connection to the protocol, and every event to the log: no hole, no double, nothing after the end."""
        peer.strict(ROOM)
        assert peer.closed in (None, 1013), f"closed with {peer.closed}"
        for frame in peer.frames:
            for seen in [frame] if frame["op"] == "event" else frame.get("events", []):
                event = self.log[seen["seq"] - 1]
                assert (seen["id"], seen["user"], seen["type"]) == (str(event.id), event.user, event.type)

    def _answered(self, peer: Peer, person: Person, asked: list[int]) -> None:
        """Every command is answered once, unless the connection broke before."""
        told = [f["n"] for f in peer.frames if f["op"] in ("ok", "error")]
        assert len(told) == len(set(told)), "answered twice"
        assert set(told) <= set(asked)
        if peer is person.peer and peer.closed is None:
            assert set(told) == set(asked), f"never answered: {set(asked) - set(told)}"

    def _stored(self) -> None:
        """What was acked is in the log once, as it was said; nothing is there twice or of nobody."""
        messages = [(body, event) for event in self.log if isinstance(body := event.content(), MessageSent)]
        said = {body.text: event for body, event in messages}
        assert len(said) == len(messages), "stored twice"
        assert set(said) <= {text for _, text in self.texts.values()}
        acks: dict[int, str] = {}
        for person in self.people.values():
            for peer in person.peers:
                for frame in peer.frames:
                    if frame["op"] == "ok" and "ack" in frame:
                        event = self.log[frame["seq"] - 1]
                        assert (str(event.id), event.user) == (frame["id"], person.who.id), "acked as another"
                        acks[frame["seq"]] = frame["id"]


def errors(peer: Peer) -> list[Frame]:
    """Return the refusals that a connection got."""
    return [f for f in peer.frames if f["op"] == "error"]
