"""REST for users: guests, and who a token belongs to."""

from typing import Annotated, cast

from fastapi import APIRouter, Response

from madang.core.rooms import Membership
from madang.core.scopes import SCOPES
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Address, AfterId, AnyCaller, Caller, Limit, ThisNode, Token
from madang.transports.http.errors import answer
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api", tags=["users"])


@router.post("/guests", **documented(b.Welcome, status=201, accepted=b.NewGuest, anonymous=True))
async def welcome_guest(
    node: ThisNode, address: Address, caller: AnyCaller, new: Annotated[b.NewGuest, body(b.NewGuest)]
) -> Response:
    """Create a guest: a new user with that name, and a token for everything else. With a server key, for somebody else."""
    access = node.identity.guest(new.name, address, node.now(), caller)
    return answer(b.Welcome(b.Identified(access.user.id, access.user.name), access.token), 201)


@router.get("/me", **documented(b.Me))
async def me(node: ThisNode, caller: Caller, token: Token) -> Response:
    """Say who the token belongs to. An old token gets a new one in the answer."""
    who = b.Identified(caller.id, caller.name)
    if caller.server:
        return answer(b.Me(who, scopes=[scope for scope in SCOPES if scope in caller.scopes]))
    return answer(b.Me(who, (await node.identity.access(token, node.now())).token))


@router.get("/me/rooms", **documented(b.MyRooms))
async def my_rooms(node: ThisNode, caller: Caller, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the caller's rooms, with what is unread there."""
    rows = await node.reading.memberships(caller, after, limit)
    return answer(b.MyRooms(cast(list[Membership], rows.text), rows.more))
