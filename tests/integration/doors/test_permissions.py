"""Every cell of the table of permissions, tried through every door: a node allows and refuses what the table says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from madang.core.actors import Actor
from madang.core.events import RoomChanged
from madang.core.messages import Content
from madang.core.permissions import ANNOUNCING, ARCHIVED, FREE, MUTED, NOBODY, SERVER, Action, refusal
from madang.core.rooms import DIRECT, ROLES, Access
from madang.errors import Refused
from madang.node.run import RunningNode
from madang.services.rooms import SYSTEM
from madang.services.standing import Standing
from madang.transports.node import Node
from tests.integration.doors.doors import DOORS
from tests.integration.doors.stage import address, metered_node, token

OLIVE, VIC, ARA = (Actor(id=f"u-{name}", name=name.title()) for name in ("olive", "vic", "ara"))
AS_ARA: Final = (NOBODY, *ROLES)

TRIED: Final[dict[str, tuple[Action, dict[str, Any]]]] = {
    "room": (Action.SEE, {}),
    "events": (Action.READ, {}),
    "history": (Action.READ, {}),
    "pins": (Action.READ, {}),
    "reactors": (Action.READ, {"seq": 1, "emoji": "👍"}),
    "members": (Action.READ, {}),
    "search": (Action.READ, {"q": "hello", "room": "$room"}),
    "presence": (Action.READ, {}),
    "typing": (Action.TYPE, {}),
    "read": (Action.MARK_READ, {"seq": 1}),
    "send": (Action.WRITE, {"text": "hello", "cid": "c-1"}),
    "edit": (Action.WRITE, {"seq": "$own", "text": "new"}),
    "react": (Action.WRITE, {"seq": "$other", "emoji": "👍"}),
    "report": (Action.REPORT, {"seq": "$other"}),
    "reports": (Action.REVIEW, {}),
    "resolve": (Action.REVIEW, {"seq": "$other"}),
    "pin": (Action.PIN, {"seq": "$other"}),
    "papers": (Action.READ, {}),
    "createpaper": (Action.WRITE, {"title": "Card"}),
    "paper": (Action.READ, {"paper": "$paper"}),
    "paper_content": (Action.READ, {"paper": "$paper"}),
    "openpaper": (Action.READ, {"paper": "$paper"}),
    "writepaper": (Action.WRITE, {"paper": "$paper", "update": "AQHHqpawAQAEAQR0ZXh0AmhpAA=="}),
    "changepaper": (Action.PAPERS, {"paper": "$paper", "title": "New"}),
    "finish": (Action.PAPERS, {"paper": "$paper"}),
    "reopen": (Action.PAPERS, {"paper": "$paper"}),
    "versions": (Action.READ, {"paper": "$paper"}),
    "version_content": (Action.READ, {"paper": "$paper", "version": "$version"}),
    "createversion": (Action.WRITE, {"paper": "$paper", "title": "v"}),
    "restore": (Action.WRITE, {"paper": "$paper", "version": "$version"}),
    "deleteversion": (Action.PAPERS, {"paper": "$paper", "version": "$version"}),
    "deletepaper": (Action.PAPERS, {"paper": "$paper"}),
    "words": (Action.WORDS, {}),
    "setwords": (Action.WORDS, {"refuse": ["bad"]}),
    "invite": (Action.INVITE, {}),
    "invites": (Action.INVITE, {}),
    "revoke": (Action.INVITE, {"invite": "$invite"}),
    "change": (Action.CHANGE_ROOM, {"title": "New"}),
    "change which history is shown": (Action.CHANGE_HISTORY, {"history": "all"}),
    "change whether it is archived": (Action.ARCHIVE, {"archived": "$archived"}),
    "delete": (Action.DELETE_OTHERS, {"seq": "$other"}),
    "role": (Action.GRANT, {"user": VIC.id, "role": "viewer"}),
    "add": (Action.ADD, {"user": "shop-1", "name": "Mina"}),
    "kick": (Action.KICK, {"user": VIC.id}),
    "mutes": (Action.MUTE, {}),
    "mute": (Action.MUTE, {"user": VIC.id}),
    "unmute": (Action.MUTE, {"user": VIC.id}),
    "audit": (Action.AUDIT, {}),
    "bans": (Action.BAN, {}),
    "ban": (Action.BAN, {"user": VIC.id}),
    "unban": (Action.BAN, {"user": VIC.id}),
    "join": (Action.JOIN, {}),
    "leave": (Action.LEAVE, {}),
    "delete_room": (Action.DELETE_ROOM, {}),
}
"""Each operation on a room, in an order in which none takes away what the next needs. Its name is the first word."""
OF_NO_ROOM: Final = {
    "hello", "refresh", "ping", "guest", "server", "title", "me", "rooms", "open_rooms", "create", "direct", "export",
    "end_session", "password", "profile", "sessions", "sign_in", "sign_up", "ticket",
    "members_of_rooms", "presence_of_rooms", "publish", "add_many", "put_user", "put_users", "delete_user", "erasure", "reset_user", "delete_me",
    "token", "disconnect", "showpaper", "closepaper",
    "all_events", "consumers", "put_consumer", "drop_consumer", "acks",
}  # fmt: skip


@dataclass
class Case:
    """A room for one operation, in which Ara has some role."""

    running: RunningNode
    room: str
    words: dict[str, Any]

    async def set(self, role: str, kind: str, state: str) -> None:
        node = self.running.node
        await node.rooms.create(OLIVE, self.room, "", "open")
        for actor in (VIC, *([] if role == NOBODY else [ARA])):
            await node.rooms.enter(actor, self.room)
        for word, actor in (("$other", VIC), ("$own", VIC if role == NOBODY else ARA)):
            draft = node.posting.send(actor, Standing("owner", 0), self.room, "c-0", Content(text="hello"))
            appended = await node.appender.append(draft)
            assert appended is not None
            self.words[word] = appended.event.seq
        self.words["$room"] = self.room
        self.words |= await with_version(node, self.room)
        self.words["$invite"] = (await node.invites.make(OLIVE, self.room, node.now()))[0].id
        if role not in (NOBODY, "member"):
            await node.rooms.grant(OLIVE, self.room, ARA.id, role)
        archived = self.words["$archived"] = state == ARCHIVED
        write = "moderators" if state == ANNOUNCING else None
        await node.rooms.change(OLIVE, self.room, RoomChanged(access=kind, archived=archived, write=write))
        if state == MUTED:
            await node.moderation.mute(SYSTEM, self.room, ARA.id)

    def filled(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self.words.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()
        }


async def with_version(node: Node, room: str) -> dict[str, Any]:
    """A paper that Vic has made, and a version of it."""
    paper = await node.papers.create(VIC, room, "", "Card")
    return {"$paper": paper.id, "$version": (await node.versions.create(VIC, paper.id, "v")).number}


def visits() -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield roles, kinds of rooms, states, and what is tried in one room, in an order in which nothing takes away the next."""
    rest = [op for op in TRIED if op not in ("join", "leave", "delete_room")]
    for role, kind, state in product(AS_ARA, get_args(Access), (FREE, MUTED, ANNOUNCING, ARCHIVED)):
        if role == NOBODY:
            yield role, kind, state, [*rest, "leave", "delete_room", "join"]
        elif refusal(role, Action.DELETE_ROOM):
            yield role, kind, state, ["join", *rest, "delete_room", "leave"]
        else:
            yield role, kind, state, ["join", *rest, "leave"]
            yield role, kind, state, ["delete_room"]


@pytest.mark.parametrize("name", DOORS)
async def test_a_door_allows_what_the_table_says(name: str, tmp_path: Path) -> None:
    door = DOORS[name]
    async with metered_node(tmp_path, load_test=True) as node:
        for n, (role, kind, state, tried) in enumerate(visits()):
            case = Case(node, f"room-{n}", {})
            await case.set(role, kind, state)
            async with door.open(address(node), token(node, ARA), [] if role == NOBODY else [case.room]) as ara:
                for what in tried:
                    op = what.split()[0]
                    if op in door.operations:
                        action, arguments = TRIED[what]
                        code = (await ara.do(op, case.room, **case.filled(arguments))).code
                        wanted = meant(role, action, kind, state, op, door.stranger)
                        assert (code or "") == wanted, f"{what} as {role} in {kind}, {state}"


PAPERS: Final = (
    "papers", "paper", "createpaper", "openpaper", "changepaper", "finish", "reopen", "deletepaper", "versions", "version_content",
    "createversion", "restore", "deleteversion",
)  # fmt: skip
"""Operations on papers that need no join."""


def meant(role: str, action: Action, kind: str, state: str, op: str, stranger: str) -> str:
    code = refusal(role, action, kind, state)
    if code == "not_found" and op not in (
        "join",
        "change",
        "kick",
        "role",
        "add",
        "ban",
        "unban",
        "mute",
        "unmute",
        "report",
        "resolve",
        "words",
        "setwords",
        "search",
        *PAPERS,
    ):
        return stranger  # who follows nothing is told so, whatever there is
    return code


@pytest.mark.parametrize("name", DOORS)
async def test_a_door_allows_in_direct_rooms_what_the_table_says(name: str, tmp_path: Path) -> None:
    door = DOORS[name]
    away = ("join", "leave", "delete_room")
    async with metered_node(tmp_path, load_test=True) as running:
        node = running.node
        room = (await node.rooms.direct(ARA, VIC.id)).id
        case = Case(running, room, {"$archived": False, "$invite": "none", "$room": room})
        for word, actor in (("$other", VIC), ("$own", ARA)):
            draft = node.posting.send(actor, Standing("member", 0), room, "c-0", Content(text="hello"))
            appended = await node.appender.append(draft)
            assert appended is not None
            case.words[word] = appended.event.seq
        case.words |= await with_version(node, room)
        for role, actor, rooms in ((NOBODY, OLIVE, []), ("member", ARA, [room])):
            async with door.open(address(running), token(running, actor), rooms) as visitor:
                for what in [*(each for each in TRIED if each not in away), "delete_room", "join", "leave"]:
                    op = what.split()[0]
                    if op in door.operations:
                        action, arguments = TRIED[what]
                        code = (await visitor.do(op, room, **case.filled(arguments))).code
                        wanted = meant(role, action, DIRECT, FREE, op, door.stranger)
                        assert (code or "") == wanted, f"{what} as {role}"


async def test_a_server_key_puts_nobody_into_a_direct_room_nor_out_of_it(tmp_path: Path) -> None:
    async with metered_node(tmp_path, load_test=True) as running:
        node = running.node
        room = (await node.rooms.direct(ARA, VIC.id)).id
        for action, work in {
            Action.JOIN: lambda: node.rooms.enter(SYSTEM, room),
            Action.KICK: lambda: node.rooms.kick(SYSTEM, room, VIC.id),
            Action.BAN: lambda: node.moderation.ban(SYSTEM, room, VIC.id),
            Action.GRANT: lambda: node.rooms.grant(SYSTEM, room, VIC.id, "owner"),
            Action.INVITE: lambda: node.invites.make(SYSTEM, room, node.now()),
            Action.CHANGE_ROOM: lambda: node.rooms.change(SYSTEM, room, RoomChanged(access="open")),
        }.items():
            with pytest.raises(Refused) as refused:
                await work()
            code = refusal(SERVER, action, DIRECT) or "forbidden"
            assert refused.value.code == code, action
        assert await node.moderation.mute(SYSTEM, room, VIC.id)
        assert await node.rooms.change(SYSTEM, room, RoomChanged(archived=True))


def test_every_operation_on_a_room_is_tried() -> None:
    assert {op for door in DOORS.values() for op in door.operations} == {what.split()[0] for what in TRIED} | OF_NO_ROOM
