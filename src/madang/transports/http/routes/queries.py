"""REST for members and presence: of one room, and of many rooms at once."""

from typing import Annotated, cast

from fastapi import APIRouter, Response

from madang.errors import MadangError
from madang.services.pages import Rows
from madang.services.queries import Online
from madang.transports.http import answers as a
from madang.transports.http import server_bodies as s
from madang.transports.http.dependencies import AfterId, Caller, Limit, RoomPath, ThisNode
from madang.transports.http.errors import answer, problem
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api", tags=["rooms"])
Asked = Annotated[s.RoomsAsked, body(s.RoomsAsked)]


@router.get(ROOM + "/presence", **documented(s.Presence))
async def presence(node: ThisNode, caller: Caller, id: RoomPath, after: AfterId = "", limit: Limit = 50) -> Response:
    """List who is online in a room, in order of their ids, and how many there are in all."""
    rows, count = await node.reading.online(caller, id, after, limit)
    return answer(s.Presence(cast(dict[str, str], rows.text), count, rows.more))


@router.post("/presence/query", **documented(s.PresenceOfRooms, accepted=s.RoomsAsked))
async def presence_of_rooms(node: ThisNode, caller: Caller, asked: Asked) -> Response:
    """List who is online in each of up to 100 rooms."""
    found = await node.queries.online(caller, asked.rooms, asked.limit)
    return answer(s.PresenceOfRooms([_online(room, each) for room, each in zip(asked.rooms, found, strict=True)]))


@router.post("/members/query", **documented(s.MembersOfRooms, accepted=s.RoomsAsked))
async def members_of_rooms(node: ThisNode, caller: Caller, asked: Asked) -> Response:
    """List the first members of each of up to 100 rooms."""
    found = await node.queries.members(caller, asked.rooms, asked.limit)
    return answer(s.MembersOfRooms([_members(room, each) for room, each in zip(asked.rooms, found, strict=True)]))


def _online(room: str, found: Online | MadangError) -> s.PresenceOfRoom:
    if isinstance(found, MadangError):
        return s.PresenceOfRoom(room, error=problem(found))
    rows, count = found
    return s.PresenceOfRoom(room, cast(dict[str, str], rows.text), count, rows.more)


def _members(room: str, found: Rows | MadangError) -> s.MembersOfRoom:
    if isinstance(found, MadangError):
        return s.MembersOfRoom(room, error=problem(found))
    return s.MembersOfRoom(room, cast(list[a.OneMember], found.text), found.more)
