"""REST for users: guests, and who a token belongs to."""

from typing import Annotated, cast

from fastapi import APIRouter, Response

from madang.core.actors import Actor
from madang.core.bounds import MAX_BATCH
from madang.core.erasure import KEEP, Erasure
from madang.core.messages import RoomMessage
from madang.core.people import Person
from madang.core.profiles import Profile
from madang.core.rooms import Membership
from madang.core.scopes import SCOPES
from madang.core.timestamps import moment
from madang.errors import Refused
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http import server_bodies as s
from madang.transports.http.bounded_app import body_limit
from madang.transports.http.dependencies import (
    Address,
    AfterId,
    AfterMark,
    AnyCaller,
    Caller,
    ForeignPath,
    Limit,
    SaidQuery,
    ThisNode,
    Token,
    UserPath,
)
from madang.transports.http.errors import answer, problem
from madang.transports.http.schemas import body, documented, large_body
from madang.transports.node import Node

router = APIRouter(prefix="/api", tags=["users"])


@router.post("/guests", **documented(a.Welcome, status=201, accepted=b.NewGuest, anonymous=True))
async def welcome_guest(
    node: ThisNode, address: Address, caller: AnyCaller, new: Annotated[b.NewGuest, body(b.NewGuest)]
) -> Response:
    """Create a guest: a new user with that name, and a token for everything else. With a server key, for somebody else."""
    access = node.identity.guest(new.name, address, node.now(), caller)
    return answer(a.Welcome(a.Identified(access.user.id, access.user.name), access.token), 201)


@router.get("/me", **documented(a.Me))
async def me(node: ThisNode, caller: Caller, token: Token) -> Response:
    """Say who the token belongs to, with their profile. An old token gets a new one in the answer."""
    return await _shown(node, caller, token, await node.profiles.of(caller))


@router.patch("/me", **documented(a.Me, accepted=b.ProfileChange))
async def change_me(
    node: ThisNode, caller: Caller, token: Token, change: Annotated[b.ProfileChange, body(b.ProfileChange)]
) -> Response:
    """Change the caller's name, picture or locale, and tell their rooms. The token in the answer has the name."""
    kept = await node.profiles.change(caller, name=change.name, picture=change.picture, locale=change.locale)
    return await _shown(node, caller, token, kept)


async def _shown(node: Node, caller: Actor, token: str, kept: Profile) -> Response:
    who = a.Identified(caller.id, kept.name, kept.picture, kept.locale)
    if caller.server:
        return answer(a.Me(who, scopes=[scope for scope in SCOPES if scope in caller.scopes]))
    return answer(a.Me(who, (await node.identity.access(token, node.now())).token))


@router.delete("/me", **documented(s.Deleted))
async def delete_me(node: ThisNode, caller: Caller, said: SaidQuery = KEEP) -> Response:
    """Delete the caller: their tokens, connections and memberships end. What they said stays, unless `said` says otherwise."""
    await node.users.delete_own(caller, said)
    return answer(s.Deleted())


@router.get("/me/rooms", **documented(a.MyRooms))
async def my_rooms(node: ThisNode, caller: Caller, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the caller's rooms, with what is unread there."""
    rows = await node.reading.memberships(caller, after, limit)
    return answer(a.MyRooms(cast(list[Membership], rows.text), rows.more))


@router.get("/me/export", **documented(a.Export))
async def export(node: ThisNode, caller: Caller, after: AfterMark = "", limit: Limit = 200) -> Response:
    """List what the caller said in all rooms, also in those they have left, page by page."""
    return answer(exported(*await node.reading.messages_of(caller, caller.id, after, limit)))


def exported(messages: list[RoomMessage], next: str) -> a.Export:
    """Return a page of an export as every door shows it."""
    return a.Export(cast(list[a.OwnMessage], messages), next)


# -- a product's own users, by its server keys -------------------------------------------------------------------------


@router.put("/users", **documented(s.Puts, accepted=s.ManyPeople))
@body_limit(MAX_BATCH)
async def put_users(node: ThisNode, caller: Caller, new: Annotated[s.ManyPeople, large_body(s.ManyPeople)]) -> Response:
    """Make up to 1,000 users known, or give them other names (server keys). `results` are in their order."""
    found = await node.people.put(caller, [(each.id, each.name) for each in new.users])
    return answer(s.Puts([_put(each) for each in found]))


def _put(each: Person | Refused) -> s.OnePut:
    return s.OnePut(error=problem(each)) if isinstance(each, Refused) else s.OnePut(each.id, each.name)


@router.put("/users/{user}", **documented(a.Identified, accepted=s.NewPerson))
async def put_user(
    node: ThisNode, caller: Caller, user: ForeignPath, new: Annotated[s.NewPerson, body(s.NewPerson)]
) -> Response:
    """Make a user of a product known, or give them another name (server keys)."""
    (found,) = await node.people.put(caller, [(user, new.name)])
    if isinstance(found, Refused):
        raise found
    return answer(a.Identified(found.id, found.name))


@router.delete("/users/{user}", **documented(s.Deleted))
async def delete_user(node: ThisNode, caller: Caller, user: UserPath, said: SaidQuery = KEEP) -> Response:
    """Delete any user: their tokens, connections and memberships end (server keys). What they said stays, unless `said` says otherwise."""
    await node.people.delete(caller, user, said)
    return answer(s.Deleted())


@router.get("/users/{user}/erasure", **documented(s.OneErasure))
async def erasure(node: ThisNode, caller: Caller, user: UserPath) -> Response:
    """Say how far what a deleted user said is erased, or their name (server keys)."""
    return answer(erasing(await node.people.erasure(caller, user)))


def erasing(each: Erasure) -> s.OneErasure:
    """Return an erasure as every door shows it."""
    done_at = None if each.done_ms is None else moment(each.done_ms)
    return s.OneErasure(each.user, each.said, moment(each.asked_ms), done_at, each.rooms, each.events)


@router.delete("/users/{user}/profile", **documented(a.Identified))
async def reset_user(node: ThisNode, caller: Caller, user: UserPath) -> Response:
    """Take any user's name and picture away, because nobody shall be shown them (server keys)."""
    left = await node.people.reset(caller, user)
    return answer(a.Identified(user, left.name, left.picture, left.locale))


@router.post("/users/{user}/tokens", **documented(s.Token, status=201, accepted=s.NewToken, optional=True))
async def make_token(
    node: ThisNode,
    caller: Caller,
    user: ForeignPath,
    new: Annotated[s.NewToken, body(s.NewToken, optional=True)],
) -> Response:
    """Make a token for a user of a product, which ends no later than the key (server keys)."""
    now = node.now()
    access = await node.people.token(caller, user, now, new.for_ms)
    return answer(s.Token(access.token, access.left_ms(now)), 201)


@router.post("/users/{user}/disconnect", **documented(s.Disconnected))
async def disconnect_user(node: ThisNode, caller: Caller, user: UserPath) -> Response:
    """Close all connections of a user, on every node (server keys). Whoever has a token that holds may come back."""
    node.people.disconnect(caller, user)
    return answer(s.Disconnected())
