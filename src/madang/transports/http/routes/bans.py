"""REST for bans: make one, lift one, list those in force."""

from typing import Annotated

from fastapi import APIRouter, Response

from madang.transports.http import bodies as b
from madang.transports.http.dependencies import AfterId, Caller, Limit, RoomPath, ThisNode, UserPath
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM, appended
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api" + ROOM + "/bans", tags=["moderation"])


@router.put("/{user}", **documented(b.Stored, accepted=b.NewBan, optional=True))
async def ban(
    node: ThisNode,
    caller: Caller,
    id: RoomPath,
    user: UserPath,
    new: Annotated[b.NewBan, body(b.NewBan, optional=True)],
) -> Response:
    """Keep a user out of the room, a member or not (moderators, of whom is below them). It replaces an earlier ban."""
    return appended(node, await node.moderation.ban(caller, id, user, reason=new.reason, for_ms=new.for_ms))


@router.delete("/{user}", **documented(b.Stored | b.Unchanged))
async def unban(node: ThisNode, caller: Caller, id: RoomPath, user: UserPath) -> Response:
    """Lift a ban (moderators)."""
    return appended(node, await node.moderation.unban(caller, id, user))


@router.get("", **documented(b.Bans))
async def bans(node: ThisNode, caller: Caller, id: RoomPath, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the bans in force (moderators)."""
    found, more = await node.moderation.bans(caller, id, after, limit)
    return answer(b.Bans([b.OneBan(f.user, f.by, f.name, f.reason, f.left_ms) for f in found], more))
