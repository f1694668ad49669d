"""REST for rooms and their members. It judges nothing; services do."""

from typing import Annotated, cast

from fastapi import APIRouter, Query, Response

from madang.core.bounds import MAX_BATCH
from madang.core.events import Appended
from madang.core.names import MAX_NAME
from madang.core.rooms import Member, Room
from madang.errors import MadangError
from madang.services.memberships import NewMembership
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http import server_bodies as s
from madang.transports.http.bounded_app import body_limit
from madang.transports.http.dependencies import AfterId, Caller, Limit, RoomPath, ThisNode, UserPath
from madang.transports.http.errors import answer, problem
from madang.transports.http.schemas import body, documented, large_body
from madang.transports.node import Node

router = APIRouter(prefix="/api", tags=["rooms"])
ROOM = "/rooms/{id}"
NameBegins = Annotated[str | None, Query(min_length=1, max_length=MAX_NAME, description="What was typed of a name.")]


def appended(node: Node, outcome: Appended | None, status: int = 200) -> Response:
    """Return the response to a change: the event's place in the log."""
    if outcome is None:
        return answer(a.Unchanged())
    event = outcome.event
    stored = a.Stored(str(event.id), event.seq, node.appender.ack, outcome.duplicate)  # type: ignore[arg-type]
    return answer(stored, 200 if outcome.duplicate else status)


# -- rooms -------------------------------------------------------------------------------------------------------------


@router.get("/rooms", **documented(a.Rooms))
async def open_rooms(node: ThisNode, caller: Caller, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the open rooms."""
    rows = await node.reading.open_rooms(caller, after, limit)
    return answer(a.Rooms(cast(list[Room], rows.text), rows.more))


@router.post("/rooms", **documented(Room, status=201, accepted=b.NewRoom))
async def create_room(node: ThisNode, caller: Caller, new: Annotated[b.NewRoom, body(b.NewRoom)]) -> Response:
    """Open a room and own it."""
    id = (await node.rooms.create(caller, new.id or "", new.title, new.access)).event.room
    return answer(await node.rooms.room(id), 201, {"Location": f"/api/rooms/{id}"})


@router.put("/direct/{user}", **documented(Room))
async def direct_room(node: ThisNode, caller: Caller, user: UserPath) -> Response:
    """Show the direct room of the caller and another user, made if there is none. Nobody else can join it."""
    return answer(await node.rooms.direct(caller, user))


@router.get(ROOM, **documented(Room))
async def room(node: ThisNode, caller: Caller, id: RoomPath) -> Response:
    """Show a room: an open one to everyone, an invite-only one to its members."""
    return answer(await node.rooms.visible(caller, id))


@router.get(ROOM + "/title", **documented(a.Title))
async def title(node: ThisNode, id: RoomPath) -> Response:
    """Say to anybody what a room is called that anybody may join: for whoever comes by a link, before they sign in."""
    return answer(a.Title(await node.rooms.title(id)))


@router.patch(ROOM, **documented(Room, accepted=b.RoomChange))
async def change_room(
    node: ThisNode, caller: Caller, id: RoomPath, change: Annotated[b.RoomChange, body(b.RoomChange)]
) -> Response:
    """Change a room's settings (moderators; whether it is archived, owners), and show the room."""
    await node.rooms.change(caller, id, change.event())
    return answer(await node.rooms.room(id))


@router.delete(ROOM, **documented(a.Stored))
async def delete_room(node: ThisNode, caller: Caller, id: RoomPath) -> Response:
    """Delete a room for good, with all that was said there (owners). Its id stays taken for a week."""
    return appended(node, await node.rooms.delete(caller, id))


# -- members -----------------------------------------------------------------------------------------------------------


def shown(member: Member) -> a.OneMember:
    """Return a membership as other members see it."""
    return a.OneMember(member.user, member.name, member.role, member.picture)


@router.get(ROOM + "/members", **documented(a.Members))
async def members(
    node: ThisNode, caller: Caller, id: RoomPath, after: AfterId = "", limit: Limit = 50, name: NameBegins = None
) -> Response:
    """List a room's members, or those whose name begins so."""
    if name is None:
        rows = await node.reading.members(caller, id, after, limit)
        return answer(a.Members(cast(list[a.OneMember], rows.text), rows.more))
    rows, behind = await node.reading.find_members(caller, id, name, after, limit)
    return answer(a.Members(cast(list[a.OneMember], rows.text), bool(behind), behind or None))


@router.put(ROOM + "/members/me", **documented(a.OneMember, accepted=b.Joining, optional=True))
async def join(
    node: ThisNode, caller: Caller, id: RoomPath, joining: Annotated[b.Joining, body(b.Joining, optional=True)]
) -> Response:
    """Join a room that is open, or with an invite; a member already stays one."""
    return answer(shown(await node.rooms.enter(caller, id, joining.invite)))


@router.delete(ROOM + "/members/me", **documented(a.Stored))
async def leave(node: ThisNode, caller: Caller, id: RoomPath) -> Response:
    """Leave a room."""
    return appended(node, await node.rooms.leave(caller, id))


@router.put(ROOM + "/members/{user}", **documented(a.OneMember, accepted=s.Joins, optional=True))
async def put_member(
    node: ThisNode, caller: Caller, id: RoomPath, user: UserPath, new: Annotated[s.Joins, body(s.Joins, optional=True)]
) -> Response:
    """Make a user a member, or give a member a role (server keys)."""
    wanted = NewMembership(room=id, user=user, role=new.role, name=new.name)
    return answer(shown(await node.memberships.put(caller, wanted)))


@router.put("/members", **documented(s.Added, accepted=s.ManyJoins))
@body_limit(MAX_BATCH)
async def put_members(node: ThisNode, caller: Caller, new: Annotated[s.ManyJoins, large_body(s.ManyJoins)]) -> Response:
    """Make up to 1,000 memberships, or give members roles (server keys). `results` are in their order."""
    wanted = [NewMembership(room=m.room, user=m.user, role=m.role, name=m.name) for m in new.members]
    found = await node.memberships.put_many(caller, wanted)
    return answer(s.Added([_added(each) for each in found]))


def _added(each: Member | MadangError) -> s.OneAdded:
    return (
        s.OneAdded(error=problem(each))
        if isinstance(each, MadangError)
        else s.OneAdded(each.user, each.name, each.role)
    )


@router.delete(ROOM + "/members/{user}", **documented(a.Stored))
async def kick(node: ThisNode, caller: Caller, id: RoomPath, user: UserPath) -> Response:
    """End the membership of a member whose role is below the caller's."""
    return appended(node, await node.rooms.kick(caller, id, user))


@router.patch(ROOM + "/members/{user}", **documented(a.Stored | a.Unchanged, accepted=b.NewRole))
async def change_role(
    node: ThisNode, caller: Caller, id: RoomPath, user: UserPath, new: Annotated[b.NewRole, body(b.NewRole)]
) -> Response:
    """Set a member's role (owners; moderators among those below theirs)."""
    return appended(node, await node.rooms.grant(caller, id, user, new.role))


@router.put(ROOM + "/read", **documented(a.ReadPointer, accepted=b.ReadUpTo))
async def read_up_to(
    node: ThisNode, caller: Caller, id: RoomPath, read: Annotated[b.ReadUpTo, body(b.ReadUpTo)]
) -> Response:
    """Move the caller's read pointer forward."""
    return answer(a.ReadPointer(await node.read_pointers.move(caller, id, read.seq)))
