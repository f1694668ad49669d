"""One person of the plan: what is known to him, and how he makes the plan's moves with it.

A move meets what is there: it picks among his own acked messages, the newest of a room, or his devices; and what cannot
be done at the moment (no device in the room, nothing to edit) is passed over.
"""

import asyncio
import random
from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

import msgspec

from madang_proof.load import frames
from madang_proof.load.client import Device
from madang_proof.load.command import Command
from madang_proof.load.recorder import Witness
from madang_proof.plan import Move
from madang_proof.plan import Person as Seat

T = TypeVar("T")
EMOJIS: Final = ("👍", "🎉", "마당", ":+1:")
# What texts are made of: letters of many lengths in UTF-8, some of which normalisation would change if it were not NFC.
WORDS: Final = ("yard ", "마당 ", "é", "日本 ", "👩‍👩‍👧 ", '"\\\n', "<b>&amp; ", "z̈ ")

HEAP: Final = 40  # messages of 11 KB: more than the 256 KiB that may wait for a connection, and what a kernel adds


class Yard(Protocol):
    """What a person knows of the others."""

    def newest(self, room: str, pick: float) -> int | None:
        """Give the seq of one of the newest messages."""

    def guest(self, room: str, pick: float) -> str | None:
        """Give the user id of somebody who comes and goes in a room."""

    def hosts(self, room: str, name: str) -> bool:
        """Whether somebody of this name owns or moderates a room."""

    def invite(self, room: str) -> str | None:
        """Give the invite to a room that needs one."""

    def heard(self, event: frames.Event) -> None:
        """Take an event that somebody applied."""


class Sent(msgspec.Struct):
    """A message of one's own that was acked.

    A server cannot compare what a deletion has erased. So who is asked to delete it is not asked for a conflict, nor
    the other way round: `told` is which of both was asked.
    """

    command: Command
    seq: int
    told: str = ""


class Person:
    """A user, on one or more devices."""

    def __init__(
        self, seat: Seat, urls: tuple[str, str], witness: Witness, yard: Yard, rooms: Iterable[str], seed: int
    ) -> None:
        """`urls`: for plain devices, and for a slow one, which has to feel the server itself and no proxy's buffers."""
        self._seat = seat
        self._witness = witness
        self._yard = yard
        self._rooms = tuple(rooms)
        self._dice = random.Random(f"{seed} {seat.name} at work")  # noqa: S311  # reconnects and such, no secret
        self._out: set[str] = set(self._rooms)  # where he is no member now
        self._mine: dict[str, list[Sent]] = {room: [] for room in self._rooms}
        self._cids = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._identified = asyncio.Event()
        self.user = ""
        self.token = ""
        self.final = False
        url, direct = urls
        slow = [False] * (seat.devices - 1) + [seat.slow]
        self.devices = [
            Device(witness, seat.name, direct if small else url, self._dice, self, small=small) for small in slow
        ]

    @property
    def name(self) -> str:
        """The name in the plan, and on the server."""
        return self._seat.name

    @property
    def rooms(self) -> tuple[str, ...]:
        """His rooms, whether he is in them or not."""
        return self._rooms

    # -- coming and going ----------------------------------------------------------------------------------------------

    async def come(self) -> None:
        """Connect the first device, and return when the server knows him."""
        self._tasks.append(asyncio.create_task(self.devices[0].run()))
        await self._identified.wait()

    def come_fully(self) -> None:
        """Join all rooms, and connect the other devices."""
        self._out.clear()
        self.devices[0].join(*self._rooms)
        self._tasks += [asyncio.create_task(device.run()) for device in self.devices[1:]]

    async def go(self) -> None:
        """Close all connections for good."""
        await asyncio.gather(*(device.stop() for device in self.devices))
        await asyncio.gather(*self._tasks)

    def cancel(self) -> None:
        """Stop at once."""
        for task in self._tasks:
            task.cancel()

    # -- what devices ask and tell (device.Owner) ----------------------------------------------------------------------

    def wanted(self) -> list[str]:
        """See Owner."""
        return [room for room in self._rooms if room not in self._out]

    def invited(self, room: str) -> dict[str, str]:
        """See Owner."""
        invite = self._yard.invite(room)
        return {"invite": invite} if invite else {}

    def known(self, frame: frames.Frame) -> None:
        """See Owner."""
        self.user, self.token = frame.user["id"], frame.token
        self._identified.set()

    def let_in(self, room: str) -> None:
        """See Owner."""
        self._out.discard(room)

    def put_out(self, room: str) -> None:
        """See Owner."""
        self._out.add(room)

    def learn(self, event: frames.Event) -> None:
        """See Owner."""
        self._yard.heard(event)

    # -- moves ---------------------------------------------------------------------------------------------------------

    def make(self, move: Move, room: str) -> None:
        """Make a move."""
        if room in self._out:
            if move.pick < 0.5:
                for device in self.devices:
                    if device.ready:
                        device.join(room)
            return
        here = [device for device in self.devices if device.follows(room)]
        for device in self.devices:
            if device.ready and device not in here and not device.paused:
                device.join(room)  # on another device he came back already
        if not here:
            self._witness.counted["passed over"] += 1
            return
        device = self._dice.choice(here)
        host = self._yard.hosts(room, self.name)
        match move.do:
            case "drop":
                self._drop(device, room, move)
            case "pause":
                self._pause(here, device, room, move)
            case "twin" if len(here) > 1:
                twin = self._message(room, move.pick)
                for other in here:
                    other.give(msgspec.structs.replace(twin))
            case "leave" if not host:
                device.give(Command(op="leave", room=room))
            case "send" | "twin" | "leave":
                device.give(*(self._message(room, move.pick / (i + 1)) for i in range(move.size)))
            case _:
                command = self._command(move, room, device)
                if command is not None:
                    device.give(command)

    def _message(self, room: str, pick: float, *, heap: bool = False) -> Command:
        self._cids += 1
        cid = f"{self.name.replace(' ', '-').lower()}-{self._cids}"
        text = f"{cid} {'마당' * 1900 if heap else WORDS[self._cids % len(WORDS)] * int(300 * pick**8)}".rstrip()
        return Command(op="send", room=room, cid=cid, text=text, keep=True, done=self._sent)

    def _sent(self, command: Command, frame: frames.Frame | None) -> None:
        if frame is not None and frame.op == "ok" and not frame.duplicate:
            self._mine[command.room].append(Sent(command, frame.seq))

    def _command(self, move: Move, room: str, device: Device) -> Command | None:
        """Make the command of a move; None where there is nothing to do it with."""
        pick, seq = move.pick, device.positions[room].seq
        mine = _at(self._mine[room], pick)
        if mine is not None and move.do in ("delete", "conflict"):
            if mine.told not in ("", move.do):
                return None
            mine.told = move.do
        newest = self._yard.newest(room, pick)
        match move.do:
            case "repeat" | "conflict" if mine:
                text = mine.command.text if move.do == "repeat" else mine.command.text + "!"
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
                border = {"before": 1 + int(seq * pick)} if move.pick < 0.4 else {"after": max(1, int(seq * pick))}
                return Command(op="history", room=room, more={"limit": limit} | (border if pick < 0.8 else {}))
            case "unread":
                return Command(op="rooms")
            case "presence":
                return Command(op="presence", room=room, more={"limit": 200})
            case "kick" if guest := self._yard.guest(room, pick):
                return Command(op="kick", room=room, user=guest)
            case "change":
                return Command(op="change", room=room, more={"title": f"Title {pick}"})
        return None

    def _pause(self, here: list[Device], device: Device, room: str, move: Move) -> None:
        """Stop reading for a while; on a slow device while another one fills the room."""
        if self._seat.slow and len(here) > 1:
            device = here[-1]
            here[0].give(*(self._message(room, 1.0, heap=True) for _ in range(HEAP)))
        device.pause(True)
        asyncio.get_running_loop().call_later(move.size / 10, device.pause, False)

    def _drop(self, device: Device, room: str, move: Move) -> None:
        """Close a connection, and come back with a position that is right, old, of another epoch, or forgotten."""
        position = device.positions[room]
        device.drop(move.size / 10, abrupt=move.pick < 0.6)
        way = move.pick * 10 % 1
        if way < 0.15:
            position.seq = max(0, position.seq - int(way * 400))
        elif way < 0.25:
            position.epoch = "0" * 16
        elif way < 0.3:
            position.seq = 1  # in a long run so far back that it is told to start afresh
        elif way < 0.4:
            del device.positions[room]


def _at(items: list[T], pick: float) -> T | None:
    """Pick one; the later, the likelier."""
    return items[int(len(items) * (1 - pick * pick))] if items and pick else None
