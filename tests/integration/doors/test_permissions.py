"""Every cell of the table of permissions, tried through every door: a node allows and refuses what the table says."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from madang.core.actors import Actor
from madang.core.messages import Content
from madang.core.permissions import KINDS, NOBODY, Action, refusal
from madang.core.rooms import ROLES
from madang.node.run import RunningNode
from madang.services.standing import Standing
from tests.integration.doors.doors import DOORS
from tests.integration.doors.stage import address, metered_node, token

OLIVE, VIC, ARA = (Actor(id=f"u-{name}", name=name.title()) for name in ("olive", "vic", "ara"))
AS_ARA: Final = (NOBODY, *ROLES)

TRIED: Final[dict[str, tuple[Action, dict[str, Any]]]] = {
    "room": (Action.SEE, {}),
    "history": (Action.READ, {}),
    "pins": (Action.READ, {}),
    "members": (Action.READ, {}),
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
    "invite": (Action.INVITE, {}),
    "invites": (Action.INVITE, {}),
    "revoke": (Action.INVITE, {"invite": "$invite"}),
    "change": (Action.CHANGE_ROOM, {"title": "New"}),
    "delete": (Action.DELETE_OTHERS, {"seq": "$other"}),
    "role": (Action.GRANT, {"user": VIC.id, "role": "member"}),
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
"""Each operation on a room, in an order in which none takes away what the next needs."""
OF_NO_ROOM: Final = {"publish", "hello", "refresh", "ping", "guest", "me", "rooms", "open_rooms", "create"}


@dataclass
class Case:
    """A room for one operation, in which Ara has some role."""

    running: RunningNode
    room: str
    words: dict[str, Any]

    async def set(self, role: str, kind: str) -> None:
        node = self.running.node
        await node.rooms.create(OLIVE, self.room, "", "open")
        for actor in (VIC, *([] if role == NOBODY else [ARA])):
            await node.rooms.enter(actor, self.room)
        for word, actor in (("$other", VIC), ("$own", VIC if role == NOBODY else ARA)):
            draft = node.posting.send(actor, Standing("owner", 0), self.room, "c-0", Content(text="hello"))
            appended = await node.appender.append(draft)
            assert appended is not None
            self.words[word] = appended.event.seq
        self.words["$invite"] = (await node.invites.make(OLIVE, self.room, node.now()))[0].id
        if role not in (NOBODY, "member"):
            await node.rooms.grant(OLIVE, self.room, ARA.id, role)
        await node.rooms.change(OLIVE, self.room, None, kind, None)

    def filled(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {name: self.words.get(value, value) for name, value in arguments.items()}


def visits() -> Iterator[tuple[str, str, list[str]]]:
    """Yield roles, kinds of rooms, and what is tried in one room, in an order in which nothing takes away the next."""
    rest = [op for op in TRIED if op not in ("join", "leave", "delete_room")]
    for role in AS_ARA:
        for kind in KINDS:
            if role == NOBODY:
                yield role, kind, [*rest, "leave", "delete_room", "join"]
            elif refusal(role, Action.DELETE_ROOM):
                yield role, kind, ["join", *rest, "delete_room", "leave"]
            else:
                yield role, kind, ["join", *rest, "leave"]
                yield role, kind, ["delete_room"]


@pytest.mark.parametrize("name", DOORS)
async def test_a_door_allows_what_the_table_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    door = DOORS[name]
    async with metered_node(tmp_path, monkeypatch, load_test=True) as node:
        for n, (role, kind, ops) in enumerate(visits()):
            case = Case(node, f"room-{n}", {})
            await case.set(role, kind)
            async with door.open(address(node), token(node, ARA), [] if role == NOBODY else [case.room]) as ara:
                for op in ops:
                    if op in door.operations:
                        action, arguments = TRIED[op]
                        code = (await ara.do(op, case.room, **case.filled(arguments))).code
                        assert (code or "") == meant(role, action, kind, op, door.stranger), f"{op} as {role} in {kind}"


def meant(role: str, action: Action, kind: str, op: str, stranger: str) -> str:
    code = refusal(role, action, kind)
    if code == "not_found" and op not in (
        "join",
        "change",
        "kick",
        "role",
        "ban",
        "unban",
        "mute",
        "unmute",
        "report",
        "resolve",
    ):
        return stranger  # who follows nothing is told so, whatever there is
    return code


def test_every_operation_on_a_room_is_tried() -> None:
    assert {op for door in DOORS.values() for op in door.operations} == set(TRIED) | OF_NO_ROOM
