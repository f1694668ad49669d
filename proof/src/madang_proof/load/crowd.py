"""The load: all users of a plan on one server, from their first connection through the storm until all is quiet again.

Nothing is judged here; what clients see goes to the recorder. `run.py` injects the faults.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from madang_proof.load import frames
from madang_proof.load.client import AGAIN_MS, VirtualClient
from madang_proof.load.command import Command
from madang_proof.load.recorder import Recorder
from madang_proof.load.virtual_user import VirtualUser
from madang_proof.plan import Plan, UserPlan, actions

CONNECT_S: Final = 60.0
RECONNECT_S: Final = 60.0  # for all clients to be connected again after a fault
SETTLE_S: Final = 60.0  # for everything under way to be stored and delivered after the storm
BUSY_S: Final = 60.0  # for the server to have time for one command
TOO_BUSY: Final = ("rate_limited", "overloaded")  # refusals that say when to ask again, and have changed nothing
POLL_S: Final = 0.02
HEADS_S: Final = 0.2  # between two questions for the newest seqs
DELIVER_S: Final = 15.0  # for an event that is stored to reach whoever is there
LATE_S: Final = 1.0  # actions that are later than this, because the machine is busy, are skipped
PAGE: Final = 200


class LoadRefused(Exception):
    """The server does not accept the load; the message says why."""


class Crowd:
    """All users of a plan. Room ids are those of the plan after `prefix`; `direct` is a URL that avoids the proxy; `secret` that of the server's issuer."""

    def __init__(
        self, plan: Plan, url: str, recorder: Recorder, prefix: str = "", direct: str = "", secret: str = ""
    ) -> None:
        self._plan = plan
        self._prefix = prefix
        self._newest: dict[str, deque[int]] = {self.room_id(room.id): deque(maxlen=50) for room in plan.rooms}
        self._invites: dict[str, tuple[str, str]] = {}  # id and secret
        self._hosts = {self.room_id(room.id): (room.owner, room.moderator) for room in plan.rooms}
        self._planned = plan.users
        self.users = {
            planned.name: VirtualUser(
                planned, (url, direct or url), recorder, self, map(self.room_id, planned.rooms), plan.seed, secret
            )
            for planned in plan.users
        }
        self.clients = [client for user in self.users.values() for client in user.clients]
        self.created: list[str] = []  # ids of rooms

    def room_id(self, room: str) -> str:
        """Return the id that a room of the plan has on the server."""
        return self._prefix + room

    # -- what users know of each other (virtual_user.Peers) ------------------------------------------------------------

    def newest(self, room: str, pick: float) -> int | None:
        """See `Peers`."""
        seqs = self._newest[room]
        return seqs[int(pick * len(seqs))] if seqs else None

    def guest(self, room: str, pick: float) -> str | None:
        """See `Peers`."""
        guests = [p for p in self.users.values() if room in p.rooms and not self.hosts(room, p.name)]
        return guests[int(pick * len(guests))].user_id if guests else None

    def hosts(self, room: str, name: str) -> bool:
        """See `Peers`."""
        return name in self._hosts[room]

    def invite(self, room: str) -> str | None:
        """See `Peers`."""
        return self._invites[room][1] if room in self._invites else None

    def invited(self, room: str, id: str, invite: str) -> str | None:
        """See `Peers`."""
        former = self._invites.get(room)
        self._invites[room] = id, invite
        return former[0] if former else None

    def applied(self, event: frames.EventFrame) -> None:
        """See `Peers`."""
        if event.type == "message.sent" and not event.deleted:
            seqs = self._newest[event.room]
            if not seqs or event.seq > seqs[-1]:
                seqs.append(event.seq)

    # -- the run -------------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect all users, create the rooms, and let everyone join.

        Raises:
            Unfit: the server does not let them.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                await asyncio.gather(*(user.connect() for user in self.users.values()))
                for room in self._plan.rooms:
                    await self._create(self.room_id(room.id), room.access, self.users[room.owner])
                for user in self.users.values():
                    user.join_rooms()
                await self._until(lambda: all(client.ready for client in self.clients))
                for room in self._plan.rooms:
                    owner, moderator = self.users[room.owner], self.users[room.moderator]
                    grant = Command(
                        op="role", room=self.room_id(room.id), user=moderator.user_id, more={"role": "moderator"}
                    )
                    await ask(owner.clients[0], grant)
        except TimeoutError:
            raise LoadRefused(f"Not all clients were connected and in their rooms within {CONNECT_S:.0f} s.") from None

    async def storm(self) -> None:
        """Take the actions of the plan, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for planned in self._planned:
                group.create_task(self._act(planned))

    async def reconnected(self) -> bool:
        """Wait until every client has been connected and in its rooms once from now on.

        Return False if that takes longer than RECONNECT_S. Clients that stopped reading on purpose are not waited for.
        """
        missing = set(self.clients)

        def none_missing() -> bool:
            missing.difference_update([client for client in missing if client.ready or client.paused])
            return not missing

        try:
            async with asyncio.timeout(RECONNECT_S):
                await self._until(none_missing)
        except TimeoutError:
            return False
        return True

    async def settle(self) -> str | None:
        """Wait until every command is answered and every client has every event.

        Return what is missing after SETTLE_S, or after nothing more has come for DELIVER_S; None if nothing is.
        """
        for client in self.clients:
            client.resume_now()
        await asyncio.gather(*(user.signed_out() for user in self.users.values()))
        loop = asyncio.get_running_loop()
        heads: dict[str, int] = {}
        seen, since = -1, loop.time()
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    await self._until(lambda: all(client.settled for client in self.clients))
                    try:
                        heads = await self._heads()
                    except ConnectionLost:
                        continue  # the connection had been broken for a while, and nobody had noticed
                    positions = [(room, d.positions[room].seq) for d in self.clients for room in d.positions]
                    if all(seq >= heads[room] for room, seq in positions):
                        return None
                    if (now_seen := sum(seq for _, seq in positions)) != seen:
                        seen, since = now_seen, loop.time()
                    elif loop.time() - since > DELIVER_S:
                        return f"Nothing more came for {DELIVER_S:.0f} s: {self._unsettled(heads)}."
                    await asyncio.sleep(HEADS_S)
        except TimeoutError:
            return f"The load did not settle within {SETTLE_S:.0f} s: {self._unsettled(heads)}."

    def _unsettled(self, heads: dict[str, int]) -> str:
        busy = [client for client in self.clients if not client.settled]
        if busy:
            return f"{len(busy)} of {len(self.clients)} connections were still joining, or waited for answers to sends"
        behind = [(d.positions[room].seq, room) for d in self.clients for room in d.positions]
        seq, room = min(((seq, room) for seq, room in behind if seq < heads.get(room, 0)), default=(0, "a room"))
        return f"a connection is at seq {seq} of {room}, whose newest is {heads.get(room, 0)}"

    async def read_everything(self) -> None:
        """Read everything once more, now that all is quiet: history from both ends, unread lists, presence."""
        for user in self.users.values():
            user.final = True
            await ask(user.clients[0], Command(op="rooms"))
        for room in self._plan.rooms:
            id = self.room_id(room.id)
            owner, moderator = self.users[room.owner].clients[0], self.users[room.moderator].clients[0]
            await self._pages(owner, id, forward=True)
            await self._pages(moderator, id, forward=False)
            await ask(owner, Command(op="presence", room=id, more={"limit": 200}))

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(user.close() for user in self.users.values()))

    def cancel(self) -> None:
        """Stop everything at once."""
        for user in self.users.values():
            user.cancel()

    async def _create(self, room: str, access: str, owner: VirtualUser) -> None:
        client = owner.clients[0]
        await ask(client, Command(op="create", room=room, more={"access": access}))
        self.created.append(room)
        if access == "invite":
            client.join(room)
            await self._until(lambda: client.follows(room))
            made = await ask(client, Command(op="invite", room=room))
            self.invited(room, made.id, made.invite)

    async def _act(self, planned: UserPlan) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        user = self.users[planned.name]
        for action in actions(self._plan, planned):
            wait = begun + action.at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if wait > -LATE_S:
                user.act(action, self.room_id(action.room))

    async def _heads(self) -> dict[str, int]:
        heads: dict[str, int] = {}
        for name in {room.owner: None for room in self._plan.rooms}:
            answer = await ask(self.users[name].clients[0], Command(op="rooms"))
            heads |= {row.room: row.seq for row in answer.rooms}
        return heads

    async def _pages(self, client: VirtualClient, room: str, *, forward: bool) -> None:
        border = (
            {"after": 1} if forward else {}
        )  # a room begins with its own event; without a border the question would be another
        while True:
            page = await ask(client, Command(op="history", room=room, more={"limit": PAGE} | border))
            if not page.more:
                return
            border = {"after": page.messages[-1].seq} if forward else {"before": page.messages[0].seq}

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110  # the condition is spread over all clients
            await asyncio.sleep(POLL_S)


class ConnectionLost(Exception):
    """The connection ended before the answer came."""


async def ask(client: VirtualClient, command: Command) -> frames.Frame:
    """Send a command, again as long as the server is too busy for it, and return its answer.

    Raises:
        LoadRefused: it was refused, or the server was still too busy after BUSY_S.
        ConnectionLost: the connection ended first.
    """
    loop = asyncio.get_running_loop()
    latest = loop.time() + BUSY_S
    while True:
        frame = await _ask_once(client, command)
        if frame.op != "error":
            return frame
        wait = max(frame.retry_ms, AGAIN_MS) / 1000
        if frame.code not in TOO_BUSY or loop.time() + wait > latest:
            raise LoadRefused(f"The server refused {command.op}: {frame.code}.")
        await asyncio.sleep(wait)


async def _ask_once(client: VirtualClient, command: Command) -> frames.Frame:
    answer: asyncio.Future[frames.Frame | None] = asyncio.get_running_loop().create_future()

    def done(_: Command, frame: frames.Frame | None) -> None:
        if not answer.done():
            answer.set_result(frame)

    command.done = done
    client.send(command)
    frame = await answer
    if frame is None:
        raise ConnectionLost
    return frame
