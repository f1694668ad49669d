"""REST for users: guests, and who a token belongs to."""

from typing import Annotated, cast

from fastapi import APIRouter, Response

from madang.core.actors import Actor
from madang.core.profiles import Profile
from madang.core.rooms import Membership
from madang.core.scopes import SCOPES
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Address, AfterId, AnyCaller, Caller, Limit, ThisNode, Token
from madang.transports.http.errors import answer
from madang.transports.http.schemas import body, documented
from madang.transports.node import Node

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
    """Say who the token belongs to, with their profile. An old token gets a new one in the answer."""
    return await _shown(node, caller, token, await node.profiles.of(caller))


@router.patch("/me", **documented(b.Me, accepted=b.ProfileChange))
async def change_me(
    node: ThisNode, caller: Caller, token: Token, change: Annotated[b.ProfileChange, body(b.ProfileChange)]
) -> Response:
    """Change the caller's name, picture or locale, and tell their rooms. The token in the answer has the name."""
    kept = await node.profiles.change(caller, name=change.name, picture=change.picture, locale=change.locale)
    return await _shown(node, caller, token, kept)


async def _shown(node: Node, caller: Actor, token: str, kept: Profile) -> Response:
    who = b.Identified(caller.id, kept.name, kept.picture, kept.locale)
    if caller.server:
        return answer(b.Me(who, scopes=[scope for scope in SCOPES if scope in caller.scopes]))
    return answer(b.Me(who, (await node.identity.access(token, node.now())).token))


@router.get("/me/rooms", **documented(b.MyRooms))
async def my_rooms(node: ThisNode, caller: Caller, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the caller's rooms, with what is unread there."""
    rows = await node.reading.memberships(caller, after, limit)
    return answer(b.MyRooms(cast(list[Membership], rows.text), rows.more))
