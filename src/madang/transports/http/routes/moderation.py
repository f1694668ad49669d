"""REST for bans and mutes: make one, lift one, list those in force. And the audit trail."""

from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Response

from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import AfterId, BeforeN, Caller, Limit, RoomPath, ThisNode, UserPath
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM, appended
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api" + ROOM, tags=["moderation"])
BAN: Final = "/bans/{user}"
MUTE: Final = "/mutes/{user}"
MADE: Final[dict[str, Any]] = documented(a.Stored, accepted=b.NewSanction, optional=True)
LIFTED: Final[dict[str, Any]] = documented(a.Stored | a.Unchanged)
New = Annotated[b.NewSanction, body(b.NewSanction, optional=True)]


@router.put(BAN, **MADE)
async def ban(node: ThisNode, caller: Caller, id: RoomPath, user: UserPath, new: New) -> Response:
    """Keep a user out of the room, a member or not (moderators, of whom is below them). It replaces an earlier ban."""
    return appended(node, await node.moderation.ban(caller, id, user, reason=new.reason, for_ms=new.for_ms))


@router.delete(BAN, **LIFTED)
async def unban(node: ThisNode, caller: Caller, id: RoomPath, user: UserPath) -> Response:
    """Lift a ban (moderators)."""
    return appended(node, await node.moderation.unban(caller, id, user))


@router.get("/bans", **documented(a.Bans))
async def bans(node: ThisNode, caller: Caller, id: RoomPath, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the bans in force (moderators)."""
    rows = await node.moderation.bans(caller, id, after, limit)
    return answer(a.Bans(cast(list[a.OneSanction], rows.text), rows.more))


@router.put(MUTE, **MADE)
async def mute(node: ThisNode, caller: Caller, id: RoomPath, user: UserPath, new: New) -> Response:
    """Keep a user from writing in the room, a member or not (moderators, of whom is below them). It replaces an earlier mute."""
    return appended(node, await node.moderation.mute(caller, id, user, reason=new.reason, for_ms=new.for_ms))


@router.delete(MUTE, **LIFTED)
async def unmute(node: ThisNode, caller: Caller, id: RoomPath, user: UserPath) -> Response:
    """Lift a mute (moderators)."""
    return appended(node, await node.moderation.unmute(caller, id, user))


@router.get("/mutes", **documented(a.Mutes))
async def mutes(node: ThisNode, caller: Caller, id: RoomPath, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the mutes in force (moderators)."""
    rows = await node.moderation.mutes(caller, id, after, limit)
    return answer(a.Mutes(cast(list[a.OneSanction], rows.text), rows.more))


@router.get("/audit", **documented(a.AuditTrail))
async def audit(node: ThisNode, caller: Caller, id: RoomPath, before: BeforeN = None, limit: Limit = 50) -> Response:
    """Read the audit trail, the newest entries first (owners)."""
    rows = await node.moderation.audit(caller, id, before, limit)
    return answer(a.AuditTrail(cast(list[a.OneDeed], rows.text), rows.more))
