"""One user of the plan: what they know, and how they take the actions of the plan with it.

An action works on what it finds: it picks among the user's acked messages, the newest of a room, or their clients. What
cannot be done at the moment (no client in the room, nothing to edit) is skipped.
"""

import asyncio
import random
from collections.abc import Iterable
from functools import partial
from typing import Final, Protocol, TypeVar

import msgspec

from madang_proof.load import frames
from madang_proof.load.account import Account
from madang_proof.load.client import VirtualClient
from madang_proof.load.command import Command
from madang_proof.load.connection import Connection
from madang_proof.load.recorder import Recorder
from madang_proof.load.short_tokens import ShortTokens
from madang_proof.plan import Action, UserPlan

T = TypeVar("T")
EMOJIS: Final = ("👍", "🎉", "마당", ":+1:")
# What texts are made of: characters of many lengths in UTF-8; a normal form other than NFC would change some of them.
WORDS: Final = ("yard ", "마당 ", "é", "日本 ", "👩‍👩‍👧 ", '"\\\n', "<b>&amp; ", "z̈ ")

SANCTION_MS: Final = (1_000, 6_000)  # for how long a ban or a mute holds: the storm is short
ENDED_S: Final = 30.0  # for the connections of a session that was ended, also those that do not read and during faults
POLL_S: Final = 0.02
FLOOD: Final = 40  # messages of 11 KB: more than the 256 KiB that may wait for a connection, and what a kernel adds


class Peers(Protocol):
    """What a user knows of the others."""

    def newest(self, room: str, pick: float) -> int | None:
        """Return the seq of one of the newest messages."""

    def guest(self, room: str, pick: float) -> str | None:
        """Return the user id of a member who comes and goes."""

    def hosts(self, room: str, name: str) -> bool:
        """Return whether the user of this name owns or moderates a room."""

    def invite(self, room: str) -> str | None:
        """Return the newest invite to a room; None where none was needed yet."""

    def invited(self, room: str, id: str, invite: str) -> str | None:
        """Note a new invite to a room. Return the id of the one before."""

    def applied(self, event: frames.EventFrame) -> None:
        """Note an event that a client has applied."""


class Sent(msgspec.Struct):
    """An acked message of the user.

    A server cannot compare a cid with what a deletion has erased. So a message is used for a deletion or for a conflict,
    never for both: `used_for` says which.
    """

    command: Command
    seq: int
    used_for: str = ""


class VirtualUser:
    """A user with one or more clients."""

    def __init__(
        self,
        plan: UserPlan,
        urls: tuple[str, str],
        recorder: Recorder,
        peers: Peers,
        rooms: Iterable[str],
        seed: int,
        secret: str = "",
    ) -> None:
        """Make a user.

        Args:
            urls: for ordinary clients, and for a slow one, which must meet the server itself and not a proxy's buffers.
            secret: of the issuer whose tokens the server takes; empty for none.
        """
        self._plan = plan
        self._recorder = recorder
        self._peers = peers
        self._rooms = tuple(rooms)
        self._dice = random.Random(f"{seed} {plan.name} at work")  # noqa: S311  # reconnects and such, no secret
        self._out: set[str] = set(self._rooms)  # where the user is not a member at the moment
        self._mine: dict[str, list[Sent]] = {room: [] for room in self._rooms}
        self._cids = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._identified = asyncio.Event()
        self._account: Account | None = None
        self._signing_out: asyncio.Task[None] | None = None
        self._url = urls[0]
        self.user_id = ""
        self.token = ""
        self.final = False
        url, direct = urls
        short = bool(secret and plan.tokens)
        self._short = ShortTokens(secret, plan.name, url, self._dice, recorder) if short else None
        self.clients = [
            VirtualClient(
                recorder, plan.name, direct if last and plan.slow else url, self._dice, self,
                small=last and plan.slow, socketio=last and plan.socketio,
            )
            for last in [False] * (plan.clients - 1) + [True]
        ]  # fmt: skip

    @property
    def name(self) -> str:
        """The name in the plan, and on the server."""
        return self._plan.name

    @property
    def rooms(self) -> tuple[str, ...]:
        """Their rooms, whether they are members at the moment or not."""
        return self._rooms

    # -- connecting and closing ----------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect the first client, and return when the server has answered its hello."""
        if self._plan.account and self._url.startswith("ws://") and "," not in self._url:
            account = Account(self._url, self.name)
            self.token = await asyncio.to_thread(account.sign_up)
            self._account = account if self.token else None  # where people make no accounts, they are guests
        self._tasks.append(asyncio.create_task(self.clients[0].run()))
        await self._identified.wait()

    def join_rooms(self) -> None:
        """Join all rooms, and connect the other clients."""
        self._out.clear()
        self.clients[0].join(*self._rooms)
        self._tasks += [asyncio.create_task(client.run()) for client in self.clients[1:]]

    async def close(self) -> None:
        """Close all connections for good."""
        await asyncio.gather(*(client.stop() for client in self.clients))
        await asyncio.gather(*self._tasks)

    def cancel(self) -> None:
        """Stop at once."""
        for task in [*self._tasks, *filter(None, [self._signing_out])]:
            task.cancel()
        if self._short is not None:
            self._short.cancel()

    # -- what clients ask and report (client.Owner) --------------------------------------------------------------------

    def rooms_to_join(self) -> list[str]:
        """See `Owner`."""
        return [room for room in self._rooms if room not in self._out]

    def invitation(self, room: str) -> dict[str, str]:
        """See `Owner`."""
        invite = self._peers.invite(room)
        return {"invite": invite} if invite else {}

    def token_for(self, connection: Connection) -> str:
        """See `Owner`."""
        if self._short is None:
            return self.token
        token = self._short.new()
        self._short.show(connection, token)
        return token.text

    def expiring(self, client: VirtualClient) -> None:
        """See `Owner`."""
        connection = client.connection
        if self._short is None or self._plan.tokens != "renewed" or connection is None:
            return
        short, token = self._short, self._short.new()

        def renewed(command: Command, frame: frames.Frame | None) -> None:
            if frame is not None and frame.op == "ok":
                self._recorder.counted["tokens renewed"] += 1
                short.show(connection, token)

        client.send(Command(op="refresh", more={"token": token.text}, done=renewed))

    def ended(self, connection: Connection, code: int) -> None:
        """See `Owner`."""
        if self._short is not None:
            self._short.ended(connection, code)

    def greeted(self, frame: frames.Frame) -> None:
        """See `Owner`."""
        self.user_id = frame.user["id"]
        if self._account is None:
            self.token = frame.token
        self._identified.set()

    def joined(self, room: str) -> None:
        """See `Owner`."""
        self._out.discard(room)

    def removed(self, room: str) -> None:
        """See `Owner`."""
        self._out.add(room)

    def applied(self, event: frames.EventFrame) -> None:
        """See `Owner`."""
        self._peers.applied(event)

    # -- actions -------------------------------------------------------------------------------------------------------

    def act(self, action: Action, room: str) -> None:
        """Take an action."""
        if action.do == "sign_out":
            if self._account is not None and (self._signing_out is None or self._signing_out.done()):
                self._signing_out = asyncio.create_task(self._sign_out(self._account))
            return
        if room in self._out:
            if action.pick < 0.5:
                for client in self.clients:
                    if client.ready:
                        client.join(room)
            return
        here = [client for client in self.clients if client.follows(room)]
        for client in self.clients:
            if client.ready and client not in here and not client.paused:
                client.join(room)  # the user has come back already, on another client
        if not here:
            self._recorder.counted["skipped"] += 1
            return
        client = self._dice.choice(here)
        host = self._peers.hosts(room, self.name)
        match action.do:
            case "drop":
                self._drop(client, room, action)
            case "pause":
                self._pause(here, client, room, action)
            case "twin" if len(here) > 1:
                twin = self._message(room, action.pick)
                for other in here:
                    other.send(msgspec.structs.replace(twin))
            case "leave" if not host:
                client.send(Command(op="leave", room=room))
            case "send" | "twin" | "leave":
                client.send(*(self._message(room, action.pick / (i + 1)) for i in range(action.size)))
            case _:
                command = self._command(action, room, client)
                if command is not None and command.op in ("kick", "ban"):  # they come back by a new invite only
                    renewed = partial(self._renewed, client)
                    client.send(command, Command(op="invite", room=room, done=renewed))
                elif command is not None:
                    client.send(command)

    async def signed_out(self) -> None:
        """Wait until nothing is left of a session that was ended."""
        if self._signing_out is not None:
            await self._signing_out

    async def _sign_out(self, account: Account) -> None:
        """Sign in again, end the session before, and see that its connections end with it."""
        former = [client.connection for client in self.clients if client.connection is not None]
        token = await asyncio.to_thread(account.sign_in)
        if not token:
            self._recorder.counted["skipped"] += 1
            return
        self.token = token
        # One that is just being made with the former token, too, is closed so.
        self._recorder.counted["closes by sign-out, at most"] += 2 * len(self.clients)
        if not await asyncio.to_thread(account.end_former):
            return  # perhaps it was ended, perhaps not
        self._recorder.counted["sessions ended"] += 1
        try:
            async with asyncio.timeout(ENDED_S):
                while not all(connection.closed for connection in former):  # noqa: ASYNC110  # spread over clients
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            self._recorder.anomalies[f"A connection outlived its session by {ENDED_S:.0f} s"] += 1

    def _renewed(self, client: VirtualClient, command: Command, frame: frames.Frame | None) -> None:
        if frame is None or frame.op != "ok":
            return
        former = self._peers.invited(command.room, frame.id, frame.invite)
        if former is not None and client.follows(command.room):
            client.send(Command(op="revoke", room=command.room, more={"invite": former}))

    def _message(self, room: str, pick: float, *, flood: bool = False) -> Command:
        self._cids += 1
        cid = f"{self.name.replace(' ', '-').lower()}-{self._cids}"
        text = f"{cid} {'마당' * 1900 if flood else WORDS[self._cids % len(WORDS)] * int(300 * pick**8)}".rstrip()
        return Command(op="send", room=room, cid=cid, text=text, keep=True, done=self._sent)

    def _sent(self, command: Command, frame: frames.Frame | None) -> None:
        if frame is not None and frame.op == "ok" and not frame.duplicate:
            self._mine[command.room].append(Sent(command, frame.seq))

    def _command(self, action: Action, room: str, client: VirtualClient) -> Command | None:
        """Return the command of an action, None where there is nothing to do it with."""
        pick, seq = action.pick, client.positions[room].seq
        mine = _at(self._mine[room], pick)
        if mine is not None and action.do in ("delete", "conflict"):
            if mine.used_for not in ("", action.do):
                return None
            mine.used_for = action.do
        newest = self._peers.newest(room, pick)
        match action.do:
            case "repeat" | "conflict" if mine:
                text = mine.command.text if action.do == "repeat" else mine.command.text + "!"
                return Command(op="send", room=room, cid=mine.command.cid, text=text)
            case "edit" if mine:
                edited = self._message(room, pick)
                return Command(op="edit", room=room, cid=edited.cid, text=edited.text, target=mine.seq, keep=True)
            case "delete" if mine:
                return Command(op="delete", room=room, target=mine.seq)
            case "react" if newest:
                emoji = EMOJIS[int(pick * 1000) % len(EMOJIS)]
                return Command(op="react", room=room, target=newest, more={"emoji": emoji, "on": pick < 0.8})
            case "pin" if newest:
                return Command(op="pin", room=room, target=newest, more={"on": pick < 0.6})
            case "read":
                return Command(op="read", room=room, target=max(0, seq - int(30 * pick**4)))
            case "page":
                limit = 1 + int(200 * pick**3)
                border = {"before": 1 + int(seq * pick)} if action.pick < 0.4 else {"after": max(1, int(seq * pick))}
                return Command(op="history", room=room, more={"limit": limit} | (border if pick < 0.8 else {}))
            case "search" if mine:  # its text begins with its cid
                where = room if pick < 0.8 else ""
                return Command(op="search", room=where, more={"q": mine.command.cid, "limit": 1 + int(200 * pick)})
            case "unread":
                return Command(op="rooms")
            case "presence":
                return Command(op="presence", room=room, more={"limit": 200})
            case "kick" if guest := self._peers.guest(room, pick):
                return Command(op="kick", room=room, user=guest)
            case "ban" | "mute" if guest := self._peers.guest(room, pick):
                until = SANCTION_MS[0] + int((SANCTION_MS[1] - SANCTION_MS[0]) * pick)
                return Command(op=action.do, room=room, user=guest, more={"for_ms": until, "reason": "storm"})
            case "unmute" if guest := self._peers.guest(room, pick):
                return Command(op="unmute", room=room, user=guest)
            case "change":
                return Command(op="change", room=room, more={"title": f"Title {pick}"})
        return None

    def _pause(self, here: list[VirtualClient], client: VirtualClient, room: str, action: Action) -> None:
        """Stop reading for a while; on a slow client while another one floods the room."""
        if self._plan.slow and len(here) > 1:
            client = here[-1]
            here[0].send(*(self._message(room, 1.0, flood=True) for _ in range(FLOOD)))
        client.pause(True)
        asyncio.get_running_loop().call_later(action.size / 10, client.pause, False)

    def _drop(self, client: VirtualClient, room: str, action: Action) -> None:
        """Close a connection, to resume from a position that is right, old, of another epoch, or forgotten."""
        position = client.positions[room]
        way = action.pick * 10 % 1
        client.disconnect(action.size / 10, abrupt=action.pick < 0.6, forget=way < 0.4)
        if way < 0.15:
            position.seq = max(0, position.seq - int(way * 400))
        elif way < 0.25:
            position.epoch = "0" * 16
        elif way < 0.3:
            position.seq = 1  # in a long run so far back that the server answers with a reset
        elif way < 0.4:
            del client.positions[room]


def _at(items: list[T], pick: float) -> T | None:
    """Pick an item; the later, the likelier."""
    return items[int(len(items) * (1 - pick * pick))] if items and pick else None
