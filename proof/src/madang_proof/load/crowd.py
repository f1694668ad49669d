"""The load: the people of a plan on a server, from their coming through the storm until all is quiet again.

Nothing is judged here; what they see goes to the witness. Which faults strike meanwhile is `run.py`'s.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from madang_proof.load import frames
from madang_proof.load.client import Device
from madang_proof.load.command import Command
from madang_proof.load.recorder import Witness
from madang_proof.load.virtual_user import Person
from madang_proof.plan import Person as Seat
from madang_proof.plan import Plan, moves

COME_S: Final = 60.0
BACK_S: Final = 60.0  # for everybody to be connected again after a fault
REST_S: Final = 60.0  # for all that waits to be stored and delivered after the storm
LOOK_S: Final = 0.02
LATE_S: Final = 1.0  # moves that are later than this, because the machine was busy, are left out
PAGE: Final = 200


class Unfit(Exception):
    """The load cannot be put on this server; the sentence says why."""


class Crowd:
    """All people of a plan. Room ids are those of the plan behind `prefix`; `direct` is the way past a proxy."""

    def __init__(self, plan: Plan, url: str, witness: Witness, prefix: str = "", direct: str = "") -> None:
        self._plan = plan
        self._prefix = prefix
        self._newest: dict[str, deque[int]] = {self.id(place.room): deque(maxlen=50) for place in plan.places}
        self._invites: dict[str, str] = {}
        self._hosts = {self.id(p.room): (p.owner, p.moderator) for p in plan.places}
        self._seats = plan.people
        self.people = {
            seat.name: Person(seat, (url, direct or url), witness, self, map(self.id, seat.rooms), plan.seed)
            for seat in plan.people
        }
        self.devices = [device for person in self.people.values() for device in person.devices]
        self.made: list[str] = []  # rooms

    def id(self, room: str) -> str:
        """Give a room's id on the server."""
        return self._prefix + room

    # -- what people know of each other (person.Yard) ------------------------------------------------------------------

    def newest(self, room: str, pick: float) -> int | None:
        """See Yard."""
        seqs = self._newest[room]
        return seqs[int(pick * len(seqs))] if seqs else None

    def guest(self, room: str, pick: float) -> str | None:
        """See Yard."""
        guests = [p for p in self.people.values() if room in p.rooms and not self.hosts(room, p.name)]
        return guests[int(pick * len(guests))].user if guests else None

    def hosts(self, room: str, name: str) -> bool:
        """See Yard."""
        return name in self._hosts[room]

    def invite(self, room: str) -> str | None:
        """See Yard."""
        return self._invites.get(room)

    def heard(self, event: frames.Event) -> None:
        """See Yard."""
        if event.type == "message.sent" and not event.deleted:
            seqs = self._newest[event.room]
            if not seqs or event.seq > seqs[-1]:
                seqs.append(event.seq)

    # -- the run -------------------------------------------------------------------------------------------------------

    async def come(self) -> None:
        """Let everybody connect, make the rooms, and let everybody in.

        Raises:
            Unfit: the server does not let them.
        """
        try:
            async with asyncio.timeout(COME_S):
                await asyncio.gather(*(person.come() for person in self.people.values()))
                for place in self._plan.places:
                    await self._make(self.id(place.room), place.access, self.people[place.owner])
                for person in self.people.values():
                    person.come_fully()
                await self._until(lambda: all(device.ready for device in self.devices))
                for place in self._plan.places:
                    owner, moderator = self.people[place.owner], self.people[place.moderator]
                    grant = Command(
                        op="role", room=self.id(place.room), user=moderator.user, more={"role": "moderator"}
                    )
                    await ask(owner.devices[0], grant)
        except TimeoutError:
            raise Unfit(f"Not everybody was connected and let in within {COME_S:.0f} s.") from None

    async def storm(self) -> None:
        """Make the plan's moves, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for seat in self._seats:
                group.create_task(self._act(seat))

    async def back(self) -> bool:
        """Wait until every device has been connected and in its rooms once from now on; False if that takes longer than
        BACK_S. Those that have stopped reading by themselves are not waited for."""
        missing = set(self.devices)

        def none_missing() -> bool:
            missing.difference_update([device for device in missing if device.ready or device.paused])
            return not missing

        try:
            async with asyncio.timeout(BACK_S):
                await self._until(none_missing)
        except TimeoutError:
            return False
        return True

    async def rest(self) -> str | None:
        """Wait until all that was sent is answered, and everybody has everything. Gives what is missing after REST_S."""
        for device in self.devices:
            device.hurry()
        heads: dict[str, int] = {}
        try:
            async with asyncio.timeout(REST_S):
                while True:
                    await self._until(lambda: all(device.at_rest for device in self.devices))
                    try:
                        heads = await self._heads()
                    except Lost:
                        continue  # a connection that was broken without knowing it
                    if all(d.positions[room].seq >= heads[room] for d in self.devices for room in d.positions):
                        return None
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return f"Not all came to rest within {REST_S:.0f} s: {self._restless(heads)}."

    def _restless(self, heads: dict[str, int]) -> str:
        busy = [device for device in self.devices if not device.at_rest]
        if busy:
            return f"{len(busy)} of {len(self.devices)} connections were still joining, or had sends without an answer"
        behind = [(d.positions[room].seq, room) for d in self.devices for room in d.positions]
        seq, room = min(((seq, room) for seq, room in behind if seq < heads.get(room, 0)), default=(0, "a room"))
        return f"a connection stands at seq {seq} of {room}, which is at {heads.get(room, 0)}"

    async def look(self) -> None:
        """Read everything once more, now that nothing moves: history from both ends, unread lists, presence."""
        for person in self.people.values():
            person.final = True
            await ask(person.devices[0], Command(op="rooms"))
        for place in self._plan.places:
            room = self.id(place.room)
            owner, moderator = self.people[place.owner].devices[0], self.people[place.moderator].devices[0]
            await self._pages(owner, room, forward=True)
            await self._pages(moderator, room, forward=False)
            await ask(owner, Command(op="presence", room=room, more={"limit": 200}))

    async def go(self) -> None:
        """Let everybody close their connections."""
        await asyncio.gather(*(person.go() for person in self.people.values()))

    def cancel(self) -> None:
        """Stop everything at once."""
        for person in self.people.values():
            person.cancel()

    async def _make(self, room: str, access: str, owner: Person) -> None:
        device = owner.devices[0]
        await ask(device, Command(op="create", room=room, more={"access": access}))
        self.made.append(room)
        if access == "invite":
            device.join(room)
            await self._until(lambda: device.follows(room))
            self._invites[room] = (await ask(device, Command(op="invite", room=room))).invite

    async def _act(self, seat: Seat) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        person = self.people[seat.name]
        for move in moves(self._plan, seat):
            wait = begun + move.at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if wait > -LATE_S:
                person.make(move, self.id(move.room))

    async def _heads(self) -> dict[str, int]:
        heads: dict[str, int] = {}
        for place in self._plan.places:
            answer = await ask(self.people[place.owner].devices[0], Command(op="rooms"))
            heads |= {row.room: row.seq for row in answer.rooms}
        return heads

    async def _pages(self, device: Device, room: str, *, forward: bool) -> None:
        border = {"after": 1} if forward else {}  # a room begins with its own event, and no border is another question
        while True:
            page = await ask(device, Command(op="history", room=room, more={"limit": PAGE} | border))
            if not page.more:
                return
            border = {"after": page.messages[-1].seq} if forward else {"before": page.messages[0].seq}

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110  # what is waited for is spread over all devices
            await asyncio.sleep(LOOK_S)


class Lost(Exception):
    """The connection ended before the answer came."""


async def ask(device: Device, command: Command) -> frames.Frame:
    """Give a command and wait for its answer.

    Raises:
        Unfit: it was refused.
        Lost: the connection ended first.
    """
    answer: asyncio.Future[frames.Frame | None] = asyncio.get_running_loop().create_future()

    def done(_: Command, frame: frames.Frame | None) -> None:
        if not answer.done():
            answer.set_result(frame)

    command.done = done
    device.give(command)
    frame = await answer
    if frame is None:
        raise Lost
    if frame.op == "error":
        raise Unfit(f"The server refused {command.op}: {frame.code}.")
    return frame
