"""A node whose limits say what they charged, and rooms in which a row of the table can be run."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from madang.config import Settings
from madang.core import costs
from madang.core.actors import Actor
from madang.core.events import RoomChanged
from madang.core.messages import Content
from madang.core.rate import Bucket
from madang.core.words import Words
from madang.delivery import ephemeral
from madang.node import assembly
from madang.node.run import RunningNode, run_node
from madang.services.address_limits import AddressLimits
from madang.services.append_limits import AppendLimits
from madang.services.command_limits import CommandLimits
from madang.services.limits import Limits, Rates
from madang.services.standing import Standing
from tests.integration.doors.doors import Door, Native, NativeVisitor, Outcome
from tests.integration.doors.row import BANNED, KICKED, MUTED, STRANGER, Row

TICK_S = 0.02
END = "u-end"


class MeteredAppends(AppendLimits):
    """Limits of appends that note what they charged, by kind and with whom."""

    charged: Counter[str]

    def append(
        self, user: str, room: str, now: float, slow_ms: int = 0, *, server: bool = False, address: str = ""
    ) -> None:
        super().append(user, room, now, slow_ms, server=server, address=address)
        self.charged[f"room {room}"] += 1
        if not server:
            self.charged[f"user {user}"] += 1
        if slow_ms:
            self.charged[f"slow {user}"] += slow_ms

    def attempt(self, user: str, now: float, *, server: bool = False) -> None:
        super().attempt(user, now, server=server)
        if not server:
            self.charged[f"user {user}"] += 1

    def in_room(self, room: str, now: float) -> None:
        super().in_room(room, now)
        self.charged[f"room {room}"] += 1

    def give_back(self, now: float, *, user: str = "", room: str = "") -> None:
        super().give_back(now, user=user, room=room)
        self.charged.subtract([f"{kind} {name}" for kind, name in (("user", user), ("room", room)) if name])

    def give_back_slow(self, user: str, room: str, now: float, slow_ms: int, address: str = "") -> None:
        super().give_back_slow(user, room, now, slow_ms, address)
        self.charged[f"slow {user}"] -= slow_ms


class MeteredCommands(CommandLimits):
    """The same of commands."""

    charged: Counter[str]

    def command(self, bucket: Bucket, now: float) -> None:
        super().command(bucket, now)
        self.charged["connection"] += 1

    def request(self, user: str, now: float) -> None:
        super().request(user, now)
        self.charged["connection"] += 1

    def page(self, bucket: Bucket | None, rows: int, user: str, address: str, now: float) -> None:
        super().page(bucket, rows, user, address, now)
        self.charged["connection"] += costs.of_rows(rows)


class MeteredAddresses(AddressLimits):
    """The same of addresses."""

    charged: Counter[str]

    def guest(self, address: str, now: float) -> None:
        super().guest(address, now)
        self.charged["address"] += 1


class Meter(Limits):
    """Limits that note what they charged."""

    def __init__(self, rates: Rates, *, shared: bool = False) -> None:
        super().__init__(rates, shared=shared)
        self.appends = MeteredAppends(rates.user, rates.room, shared=shared)
        self.commands = MeteredCommands(rates.connection)
        self.addresses = MeteredAddresses(rates.address, rates.handshakes, rates.requests, shared=shared)
        self.charged: Counter[str] = Counter()
        self.appends.charged = self.commands.charged = self.addresses.charged = self.charged


@asynccontextmanager
async def metered_node(data: Path, **settings: Any) -> AsyncIterator[RunningNode]:
    """Run a node with real listeners in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "Limits", Meter)
        patch.setattr(ephemeral, "TICK_S", TICK_S)
        async with run_node(Settings(port=0, admin_port=0, data=data, **settings)) as node:
            yield node


MADE_PAPER: Final = re.compile(r"p-[a-z2-7]{16}")
"""The id of a paper that was given none."""


def address(node: RunningNode) -> str:
    return f"http://127.0.0.1:{node.port}"


def token(node: RunningNode, actor: Actor) -> str:
    return node.node.identity.tokens.sign(actor, node.node.now()).token


def _is_last(frame: dict[str, Any]) -> bool:
    """Return whether a frame is the sign; in a room that was deleted nothing comes behind that."""
    return (frame["op"] == "typing" and END in frame["on"]) or frame.get("type") == "room.deleted"


@dataclass
class Seen:
    """What came of an operation."""

    outcome: Outcome
    events: list[tuple[str, str, dict[str, Any]]]
    heard: list[str]
    cost: dict[str, int]


class Play:
    """One room for one row, and those in it."""

    def __init__(self, running: RunningNode, room: str, row: Row) -> None:
        self._running = running
        self._node = running.node
        self._room = room
        self._row = row
        self._names = {
            name: Actor(id=f"u-{name}-{room}", name=name.title()) for name in ("olive", "wendy", "vic", "ara", "barred")
        }
        self._words: dict[str, Any] = {"$room": room, "$position": f"{room}:1:0123456789abcdef"} | {
            f"${name}": self._names[name].id for name in ("vic", "ara", "barred")
        }

    async def _say(self, name: str, cid: str) -> int:
        node, actor = self._node, self._names[name]
        draft = node.posting.send(actor, Standing("owner", 0), self._room, cid, Content(text=f"I am {name}."))
        appended = await node.appender.append(draft)
        assert appended is not None
        return appended.event.seq

    async def _make_paper(self) -> None:
        paper = await self._node.papers.create(self._names["vic"], self._room, "", "Card")
        self._words["$paper"] = paper.id
        if self._row.finished:
            await self._node.papers.change(self._names["olive"], paper.id, finished=True)
        wanted = map(str, self._row.with_.values())
        for name in {"$version", "$own_version"}.intersection(wanted):
            maker = self._names["ara" if name == "$own_version" else "vic"]
            self._words[name] = (await self._node.versions.create(maker, paper.id, "Draft")).number

    async def _set(self) -> None:
        rooms, row = self._node.rooms, self._row
        olive, ara = self._names["olive"], self._names["ara"]
        await rooms.create(olive, self._room, "", "open")
        present = ["wendy", "vic"] if row.role == STRANGER else ["wendy", "vic", "ara"]
        for name in present:
            await rooms.enter(self._names[name], self._room)
        if row.role in ("moderator", "owner"):
            await rooms.grant(olive, self._room, ara.id, row.role)
        elif row.role in (KICKED, BANNED):
            _, self._words["$early_invite"] = await self._node.invites.make(olive, self._room, self._node.now())
            await rooms.grant(olive, self._room, ara.id, "moderator")
            if row.role == KICKED:
                await rooms.kick(olive, self._room, ara.id)
            else:
                await self._node.moderation.ban(olive, self._room, ara.id)
            present.remove("ara")
        elif row.role == "last owner":
            await rooms.grant(olive, self._room, ara.id, "owner")
            await rooms.leave(olive, self._room)
        if row.barred:
            for make in (self._node.moderation.ban, self._node.moderation.mute):
                await make(olive, self._room, self._names["barred"].id, reason="spam")
        if "$paper" in map(str, row.with_.values()):
            await self._make_paper()
        self._words["$other"] = await self._say("vic", "c-vic")
        self._words["$own"] = await self._say("ara" if "ara" in present else "wendy", "c-own")
        if row.words:
            words = Words(**{action: tuple(words) for action, words in row.words.items()})
            await self._node.word_lists.change(olive, self._room, words)
        if row.reported:
            await self._node.reports.report(self._names["wendy"], self._room, self._words["$other"], "spam")
        if row.role == "viewer":
            await rooms.grant(olive, self._room, ara.id, "viewer")
        elif row.role == MUTED:
            await self._node.moderation.mute(olive, self._room, ara.id)
        if row.room:
            host = self._names["vic" if row.role == "last owner" else "olive"]
            await rooms.change(host, self._room, RoomChanged(**row.room))
        inviting = self._names["ara" if row.role == "last owner" else "olive"]
        made, text = await self._node.invites.make(inviting, self._room, self._node.now())
        self._words |= {"$invite": text, "$invite_id": made.id}
        self._words["$newest"] = (await self._running.store.heads([self._room]))[self._room]

    async def act(self, door: Door, op: str) -> Seen:
        """Do the operation of the row through a door, and return what came of it."""
        await self._set()
        row, url, ara = self._row, address(self._running), self._names["ara"]
        follows = (
            [self._room] if row.role not in (STRANGER, KICKED, BANNED) and op not in ("guest", "join", "create") else []
        )
        who = "" if op == "guest" else token(self._running, ara)
        async with (
            Native().open(url, token(self._running, self._names["wendy"]), [self._room]) as wendy,
            door.open(url, who, follows) as visitor,
        ):
            meter = self._node.limits
            assert isinstance(meter, MeteredCommands)
            meter.charged.clear()
            outcomes = []
            for n in range(row.times):
                self._words["$fresh"] = f"c-fresh-{n}"
                outcomes.append(await visitor.do(op, self._room, **self._filled(row.with_)))
            cost = dict(meter.charged)
            events = await self._running.store.read(self._room, self._words["$newest"], 100)
            heard = await self._heard(wendy, events[-1].seq if events else 0)
        appended = [(e.type, self._plain(e.user), self._plain(json.loads(e.body))) for e in events]
        code, fields = outcomes[-1].code, self._plain(outcomes[-1].fields)
        return Seen(Outcome(code, fields), appended, heard, self._costs(cost))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        return self._words.get(value, value) if isinstance(value, str) else value

    async def _heard(self, wendy: NativeVisitor, newest: int) -> list[str]:
        """What Wendy heard: every event up to the newest, if any, and the notices before a sign."""
        self._node.hub.announce(ephemeral.typing(self._room, END, "End"))
        frames = await wendy.hear_until(_is_last)
        if newest and not any(frame.get("seq") == newest for frame in frames):  # the sign takes a way of its own
            frames += await wendy.hear_until(lambda frame: frame.get("seq") == newest)
        await wendy.ask("ping")  # what was told in the same tick comes before its answer
        frames += wendy.heard
        told = [f for f in frames if f["op"] == "typing" and set(f["on"]) != {END}]
        told += [f for f in frames if f["op"] in ("event", "read")]
        return sorted(f["type"] if f["op"] == "event" else f["op"] for f in told)

    def _costs(self, charged: dict[str, int]) -> dict[str, int]:
        ara = self._names["ara"].id
        whose = {f"room {self._room}": "room", f"user {ara}": "user", f"slow {ara}": "slow"}
        return {whose.get(what, what): n for what, n in charged.items() if n}

    def _plain(self, value: Any) -> Any:
        """Put names for what differs from room to room, and leave out what differs each time."""
        if isinstance(value, dict):
            left_out = {"id", "at", "token", "ticket", "invite", "expires_ms", "server", "epoch"}
            return {self._plain(name): self._plain(each) for name, each in value.items() if name not in left_out}
        if isinstance(value, list | tuple):
            return [self._plain(each) for each in value]
        if isinstance(value, str):
            for name, actor in self._names.items():
                value = value.replace(actor.id, name)
            return MADE_PAPER.sub("paper", value.replace(self._room, "room"))
        return value
