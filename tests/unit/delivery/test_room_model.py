"""One room under anything its users and sockets may do, against the simplest model of what each must have seen.

The model: a subscription that was told `seq` by its join sees every later event once and in order, up to the one that
ends its user's access, if there is one, and to the newest otherwise. Nothing else, whatever else goes on. An end below
the user's member.joined ended a former membership: the answer to a join in a crowded room may stop short of both. Whoever
was kicked may come back at once, so that there are such memberships.
"""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from madang.adapters.bus.memory.bus import MemoryBus
from madang.core.events import Event, MemberJoined, MemberKicked, MemberLeft
from madang.core.ids import IdSource
from madang.delivery.joining import Joined
from madang.errors import Refused
from madang.testing import FakeClock, ModelStore, VirtualLoop
from tests.simulation import SlowStore
from tests.unit.delivery.nodes import OWNER, Node, running_nodes, user
from tests.unit.delivery.subscribers import Frame, RecordingSubscriber, decoded
from tests.waiting import eventually, turns

ROOM = "yard"
NAMES = ["ara", "bora", "chul", "dal"]
QUIET_ABOVE = 6


def ended(event: Event) -> str | None:
    """Return whose access an event ends, if any."""
    return event.subject() if event.type in (MemberKicked.type, MemberLeft.type) else None


class Seen:
    """What one join of one subscriber leads to."""

    def __init__(self, subscriber: RecordingSubscriber, name: str, joined: Joined) -> None:
        self.subscriber = subscriber
        self.name = name
        self.joined = joined.seq
        self.member_from = joined.member.read_seq
        subscriber.flush()
        self.begin = len(self._all())
        self.end: int | None = None  # where another join of the same subscriber begins

    def _all(self) -> list[Frame]:
        return list(decoded(b"".join([*self.subscriber.written, *self.subscriber.unread])))

    def over(self) -> None:
        """End it: another join of the same subscriber takes its place, or the subscriber is closed."""
        self.subscriber.flush()
        self.end = len(self._all())

    def position(self) -> int:
        at = self.joined
        for f in self._all()[self.begin : self.end]:
            if f["op"] == "event":
                assert f["seq"] == at + 1, f"{f['seq']} after {at}, joined at {self.joined}"
                at = f["seq"]
            elif f["op"] == "skip":
                assert f["from"] == at + 1 <= f["to"]
                at = f["to"]
            else:
                assert f["op"] in ("behind", "presence"), f
        return at


class RoomMachine(RuleBasedStateMachine):
    """Real hub and appender over a slow store; subscribers that can be full; events that the bus loses, repeats and reorders."""

    subscribers = Bundle("subscribers")
    pasts = Bundle("pasts")  # (name, position) of closed connections

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.stack = AsyncExitStack()
        self.seen: list[Seen] = []
        self.open: list[tuple[RecordingSubscriber, str]] = []

    @property
    def log(self) -> list[Event]:
        return self.model.rooms_by_id[ROOM].log

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        async def start() -> Node:
            self.model = ModelStore(IdSource(1), FakeClock())
            store = SlowStore(self.model, seed)
            running = running_nodes(store, MemoryBus(), quiet_above=QUIET_ABOVE, kick_s=0)
            (node,) = await self.stack.enter_async_context(running)
            await node.rooms.create(OWNER, ROOM, "Yard", "open")
            return node

        self.node = self.do(start())
        self.live = self.do(self.node.live(ROOM))

    # -- people and sockets --------------------------------------------------------------------------------------------

    async def _join(self, subscriber: RecordingSubscriber, name: str, since: int | None = None) -> None:
        epoch = self.live.epoch if since is not None else None
        began = len(self.log)
        try:
            joined = await self.node.join(subscriber, ROOM, user(name), since=since, epoch=epoch, limit=5)
        except Refused:
            assert subscriber.closed or any(ended(event) == f"u-{name}" for event in self.log[began:])
            return
        for seen in self.seen:
            if seen.subscriber is subscriber and seen.end is None:
                seen.over()
        if since is not None:
            assert not joined.reset
            assert len(joined.events) == joined.seq - since
        self.seen.append(Seen(subscriber, name, joined))

    @rule(target=subscribers, name=st.sampled_from(NAMES))
    def comes(self, name: str) -> Any:
        subscriber = self.node.subscriber()
        self.do(self._join(subscriber, name))
        self.open.append((subscriber, name))
        return subscriber, name

    @rule(target=subscribers, past=consumes(pasts))
    def comes_back(self, past: tuple[str, int]) -> Any:
        name, since = past
        subscriber = self.node.subscriber()
        self.do(self._join(subscriber, name, since))
        self.open.append((subscriber, name))
        return subscriber, name

    @rule(one=subscribers)
    def joins_again(self, one: tuple[RecordingSubscriber, str]) -> None:
        if not one[0].closed:
            self.do(self._join(*one))

    @rule(one=subscribers)
    def is_full(self, one: tuple[RecordingSubscriber, str]) -> None:
        if not one[0].closed and not one[0].paused:
            one[0].pause()

    @rule(one=subscribers)
    def reads_again(self, one: tuple[RecordingSubscriber, str]) -> None:
        async def resume() -> None:
            if not one[0].closed and one[0].paused:
                one[0].resume()

        self.do(resume())

    @rule(target=pasts, one=consumes(subscribers))
    def goes_away(self, one: tuple[RecordingSubscriber, str]) -> Any:
        subscriber, name = one

        async def close() -> list[tuple[str, int]]:
            positions = []
            for seen in self.seen:
                if seen.subscriber is subscriber and seen.end is None:
                    seen.over()
                    positions.append((name, seen.position()))
            subscriber.close()
            self.open.remove(one)
            return positions

        return multiple(*self.do(close()))

    # -- events --------------------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 12), name=st.sampled_from(NAMES))
    def send(self, count: int, name: str) -> None:
        self.do(self._say(count, name))

    async def _say(self, count: int, name: str) -> None:
        """Send concurrently; what is stored must not stand above the end of the membership."""

        async def one(n: int) -> None:
            try:
                event = await self.node.send(ROOM, f"{name} {n}", user(name))
            except Refused as refused:
                assert refused.code == "not_member"
            else:
                log, me = self.log[: event.seq], event.user
                changes = [e for e in log if ended(e) == me or (e.type == MemberJoined.type and e.user == me)]
                assert changes[-1].type == MemberJoined.type, "it is above the end of the membership"

        await asyncio.gather(*(one(n) for n in range(count)))

    @rule(name=st.sampled_from(NAMES), kicked=st.booleans())
    def ends(self, name: str, kicked: bool) -> None:
        self.do(self._ends(name, kicked))

    async def _ends(self, name: str, kicked: bool) -> None:
        try:
            if kicked:
                await self.node.rooms.kick(OWNER, ROOM, f"u-{name}")
            else:
                await self.node.rooms.leave(user(name), ROOM)
        except Refused as refused:
            assert refused.code in ("not_member", "not_found")

    @rule(seed=st.integers(0, 2**32), count=st.integers(1, 12))
    def comes_by_a_bad_bus(self, seed: int, count: int) -> None:
        chance = random.Random(seed)

        async def spoil() -> None:
            events: list[Event] = await self.node.stored(ROOM, count)
            told = [e for e in events if chance.random() > 0.2] + [e for e in events if chance.random() < 0.3]
            chance.shuffle(told)
            for event in told:
                self.node.hub.receive([event])
                await turns(chance.choice([0, 0, 1, 5]))
            await self.node.hub.check()

        self.do(spoil())

    @rule(name=st.sampled_from(NAMES), kicked=st.booleans(), one=subscribers, count=st.integers(1, 8))
    def all_at_once(self, name: str, kicked: bool, one: tuple[RecordingSubscriber, str], count: int) -> None:
        async def storm() -> None:
            sends = self._say(count, name), self.node.burst(ROOM, count, OWNER)
            joins = [] if one[0].closed else [self._join(*one)]
            await asyncio.gather(sends[0], self._ends(name, kicked), *joins, sends[1])

        self.do(storm())

    @rule(count=st.integers(1, 30))
    def time_passes(self, count: int) -> None:
        self.do(turns(count))

    @rule()
    def a_tick_passes(self) -> None:
        self.do(eventually(lambda: self.live.sealed == self.live.next - 1 and not self.live.batches))

    # -- the model -----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "live"):
                self.do(self._judge())
        finally:
            self.do(self.stack.aclose())
            self.runner.close()

    async def _judge(self) -> None:
        for subscriber, _ in self.open:
            if subscriber.paused:
                subscriber.resume()
        log = self.log
        head = len(log)
        await eventually(
            lambda: self.live.sealed == head and not self.live.batches, "the room is at the head of the log"
        )

        def goal(seen: Seen) -> int:
            later = log[max(seen.joined, seen.member_from) :]
            return next((e.seq for e in later if ended(e) == f"u-{seen.name}"), head)

        for seen in self.seen:
            if seen.end is None:
                await eventually(lambda: seen.position() == goal(seen), f"{seen.position()} of {goal(seen)}")  # noqa: B023
            else:
                assert seen.position() <= goal(seen)
        await turns()
        current = [s for s in self.seen if s.end is None]
        assert all(s.position() == goal(s) for s in current)
        following = [s for s in current if goal(s) == head and s.subscriber.subscriptions]
        assert {s.subscriber for s in following} == {o for o, _ in self.open if o.subscriptions}
        assert (self.live.live, self.live.lagging) == (len(following), set())
        assert {key[2] for key in self.node.hub.presence.devices} == {s.subscriber.device for s in following}


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=settings().max_examples // 2, stateful_step_count=40)
