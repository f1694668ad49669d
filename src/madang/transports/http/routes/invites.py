"""REST for invites: make one, list those in force, revoke one."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Caller, RoomPath, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api" + ROOM + "/invites", tags=["invites"])

InvitePath = Annotated[str, Path(pattern="^[0-9a-z]{1,16}$", description="The id of an invite.")]


@router.post("", **documented(a.Invited, status=201, accepted=b.NewInvite, optional=True))
async def make_invite(
    node: ThisNode, caller: Caller, id: RoomPath, new: Annotated[b.NewInvite, body(b.NewInvite, optional=True)]
) -> Response:
    """Make an invite to the room (moderators)."""
    now = node.now()
    made, text = await node.invites.make(caller, id, now, uses=new.uses, for_ms=new.for_ms)
    return answer(a.Invited(made.id, text, made.until_ms - int(now * 1000), made.uses), 201)


@router.get("", **documented(a.Invites))
async def invites(node: ThisNode, caller: Caller, id: RoomPath) -> Response:
    """List the invites to the room that are in force (moderators)."""
    now = node.now()
    found = await node.invites.in_force(caller, id, now)
    return answer(a.Invites([a.OneInvite(f.id, f.by, f.until_ms - int(now * 1000), f.uses) for f in found]))


@router.delete("/{invite}", **documented(a.Revoked))
async def revoke_invite(node: ThisNode, caller: Caller, id: RoomPath, invite: InvitePath) -> Response:
    """End an invite (moderators)."""
    await node.invites.revoke(caller, id, invite, node.now())
    return answer(a.Revoked())
