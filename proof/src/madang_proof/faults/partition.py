"""F16, F17, F26 and F28: nodes of a fleet are cut off from their bus, their database or their clients.

Each node reaches both backends through proxies of its own (`Testbed.backends`), so one can be cut off alone, and nothing
is done to the database or the bus themselves. In an `Outage` two watchers on two nodes check what must go on: acks do not
wait for the bus, nodes with a database do not wait for one without, and a user who was kicked on one side receives
nothing more on the other.
"""

import asyncio
import random
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Final, Protocol

from madang_proof.faults.fault import DATABASE_PROXY, NODES, Broken
from madang_proof.faults.probe import Probe, probing
from madang_proof.faults.watcher import Watcher, until, watching
from madang_proof.testbed.proxy import Conditions, Proxy
from madang_proof.testbed.testbed import Testbed

AWAY_S: Final = (0.5, 3.0)  # shorter and longer than it takes to notice
FOUND_S: Final = 30.0  # until everything is consistent again: the log is only polled, and the machine is busy
SILENT: Final = Conditions(cut=True)
ROUNDS: Final = 5
MARK: Final = b"COMMIT"  # both drivers send it in plain text


class Outage(Protocol):
    """A backend is away for a while, for one node or for all; implementations say how.

    Attributes:
        lacks: "database", "bus", or both.
        everybody: all nodes lack it, not only the `server` of the testbed.
    """

    lacks: frozenset[str]
    everybody: bool

    async def begin(self, testbed: Testbed, dice: random.Random) -> str:
        """Take it away, and return a note of how."""

    async def end(self, testbed: Testbed) -> None:
        """Bring it back."""

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        """See `Fault.inject`."""
        database = "database" not in self.lacks
        async with AsyncExitStack() as stack:
            host = await stack.enter_async_context(probing(dice.choice(testbed.others)))
            speaker = await stack.enter_async_context(watching(host, host.server.direct_url))
            guest = await stack.enter_async_context(probing(testbed.server, host.room))
            listener = await stack.enter_async_context(watching(guest, testbed.server.direct_url))
            await speaker.send_acked(2, "before")
            await until(lambda: listener.position >= speaker.position, "on one node what was sent on another", FOUND_S)
            kick = 0
            note = await self.begin(testbed, dice)
            try:
                if database:
                    await listener.send_acked(2, "cut-off")
                if database or not self.everybody:
                    await speaker.send_acked(2, "meanwhile")
                    kick = (await speaker.ask("kick", room=host.room, user=guest.user))["seq"]
                    await speaker.send_acked(2, "after")
                await asyncio.sleep(seconds := dice.uniform(*AWAY_S))
            finally:
                await self.end(testbed)
            if kick:
                await until(lambda: kick in listener.seqs, "the kick, on the node that was cut off", FOUND_S)
            await _check_messages(host, speaker)
            if kick and listener.seqs[-1] != kick:
                raise Broken(f"A user who was kicked by event {kick} received event {listener.seqs[-1]}.")
            if gap := listener.gap() or speaker.gap():
                raise Broken(f"Over an outage, {gap}.")
        return f"{note} for {seconds:.1f} s"


class Apart(Outage):
    """Cut nodes off by the proxies before their backends: bytes vanish, or connections are reset and refused."""

    def __init__(self, name: str, number: str, title: str, lacks: Iterable[str], *, everybody: bool = False) -> None:
        self.name = name
        self.number = number
        self.title = title
        self.lacks = frozenset(lacks)
        self.needs = NODES | self.lacks
        self.everybody = everybody

    def unavailable(self) -> str | None:
        return None

    async def begin(self, testbed: Testbed, dice: random.Random) -> str:
        silently = dice.random() < 0.5
        for proxy in self._proxies(testbed):
            if silently:
                proxy.change(up=SILENT, down=SILENT)
            else:
                proxy.part()
        return "silent" if silently else "refused"

    async def end(self, testbed: Testbed) -> None:
        for proxy in self._proxies(testbed):
            proxy.heal()

    def _proxies(self, testbed: Testbed) -> list[Proxy]:
        numbers = range(len(testbed.servers)) if self.everybody else [testbed.number]
        return [getattr(testbed.backends[number], line) for number in numbers for line in sorted(self.lacks)]


async def _check_messages(host: Probe, speaker: Watcher) -> None:
    """Check that a new message is acked and delivered, and that none is there twice. Raise Broken."""
    ack = await host.surely_send("again", "again")
    await until(lambda: speaker.position >= ack["seq"], "a message that was sent after the outage", FOUND_S)
    texts = [message["text"] for message in await host.history()]
    if len(set(texts)) < len(texts):
        raise Broken(f"A message is there twice: {texts}.")


class Unanswered:
    """Let commits succeed and lose the answers: messages are stored, and the node does not know.

    Sent again, a message has the seq that it had.
    """

    name = "no-answer"
    number = "F28"
    title = "a node's commits succeed, and the answers are lost"
    needs = DATABASE_PROXY

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        line = testbed.backends[testbed.number].database
        assert line is not None
        lost = 0
        async with probing(testbed.server) as probe:
            for number in range(ROUNDS):
                line.lose_answers(MARK)
                sending = asyncio.ensure_future(probe.surely_send(f"lost-{number}", f"lost-{number}"))
                try:
                    await until(lambda: line.lost_answers, "a commit")
                    await asyncio.sleep(dice.uniform(0, AWAY_S[0]))
                finally:
                    lost += line.lost_answers
                    line.heal()
                await sending
            texts = [message["text"] for message in await probe.history()]
        if texts != (wanted := [f"lost-{number}" for number in range(ROUNDS)]):
            raise Broken(f"Commits were not answered, and of {wanted} these are there: {texts}.")
        return f"{lost} answers lost"


class Hidden:
    """Hide a node from its clients: their connections go silent, and new ones are sent to the other nodes.

    Clients go on there, and the node drops those that it no longer hears.
    """

    name = "hidden"
    number = "F16"
    title = "cut a node off from its clients, which reconnect to the others"
    needs = NODES

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        async with probing(testbed.server) as probe, watching(probe, dice.choice(testbed.others).direct_url) as watcher:
            testbed.proxy.shut(testbed.number)
            hidden = testbed.proxy.change(up=SILENT, down=SILENT, target=testbed.number)
            try:
                await asyncio.sleep(dice.uniform(*AWAY_S))
                ack = await probe.surely_send("alone", "alone")  # past the balancer
                await until(lambda: watcher.position >= ack["seq"], "a message that was sent on a hidden node", FOUND_S)
            finally:
                testbed.proxy.heal()
        return f"{hidden} connections went silent"


PARTITIONS: Final = (
    Apart("bus-cut", "F16", "cut one node off from the bus", ("bus",)),
    Apart("bus-away", "F17", "cut all nodes off from the bus", ("bus",), everybody=True),
    Apart("database-cut", "F16", "cut one node off from the database", ("database",)),
    Apart("database-away", "F26", "cut all nodes off from the database", ("database",), everybody=True),
    Apart("island", "F16", "cut one node off from both", ("database", "bus")),
    Unanswered(),
    Hidden(),
)
