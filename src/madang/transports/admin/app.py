"""The second listener, loopback by default: metrics; keys, rooms, accounts and nodes with the secret.

The secret is made at every start; `madang serve` leaves it in the data folder for the command line. In its place may be the
token of an account that administers the server, which the operator's page at `/` uses; other tokens and server keys mean
nothing here.
"""

import hmac
from typing import Annotated, Final, cast

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.routing import APIRoute

from madang.core.actors import Actor
from madang.core.bounds import KeyMs, Title
from madang.core.erasure import KEEP
from madang.core.rooms import Room
from madang.core.scopes import EVERYTHING
from madang.errors import Refused
from madang.services.identity import Unfetched
from madang.services.rooms import SYSTEM
from madang.transports.admin import accounts, consumers, moderation, signing_in
from madang.transports.admin.metrics import CONTENT_TYPE, Metrics
from madang.transports.admin.operation import Watch
from madang.transports.http.answers import Health, Members, OneMember, Rooms
from madang.transports.http.bodies import Body, NewRoom, RoomChange
from madang.transports.http.bounded_app import BoundedApp
from madang.transports.http.dependencies import (
    Address,
    AfterId,
    AfterMark,
    Decimal,
    Limit,
    RoomPath,
    SaidQuery,
    ThisNode,
    Token,
    nothing_ignored,
)
from madang.transports.http.errors import answer, handle_errors
from madang.transports.http.gate import ADMIN
from madang.transports.http.routes.users import erasing, exported
from madang.transports.http.schemas import body
from madang.transports.http.server_bodies import OneErasure
from madang.transports.http.site import Site
from madang.transports.node import Node

NOTED_WHEN_DONE: Final = {"delete_user"}
"""Operations that note what is done themselves."""


class NewKey(Body):
    """A server key to create; the label says whose it is. Without `scopes` it is for everything, without `for_ms` for good."""

    label: Title
    scopes: tuple[str, ...] = ()
    for_ms: KeyMs | None = None


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """A server key; `key` is shown once, when it is created."""

    id: str
    label: str
    created_at: int  # Unix milliseconds
    scopes: str = EVERYTHING
    expires_at: int | None = None  # Unix milliseconds
    key: str | None = None


class Keys(msgspec.Struct, frozen=True):
    """All server keys, oldest first."""

    keys: list[Key]


class SigningKeys(msgspec.Struct, frozen=True):
    """The id of the newest signing key, and how many keys are believed."""

    newest: str
    keys: int


class Erasures(msgspec.Struct, frozen=True):
    """A page of erasures, in order of their users."""

    erasures: list[OneErasure]
    more: bool


class ShownRoom(msgspec.Struct, frozen=True):
    """A room, how many sockets follow it on this node, and the first of its members."""

    room: Room
    sockets: int
    members: Members


class KnownNode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A node: this one, one that is heard, or one that may be alive and is not heard."""

    name: str
    state: str  # "here", "heard" or "unheard"
    seconds: float | None = None  # since it was first heard
    silent: float | None = None  # seconds since it was last heard


class Nodes(msgspec.Struct, frozen=True):
    """The nodes of this installation as this one knows them; `deaf` while the bus does not return its heartbeats."""

    deaf: bool
    nodes: list[KnownNode]


class Index(msgspec.Struct, frozen=True):
    """The search index: what it has, and how far this node knows it to be behind. Without one, all are 0.

    Attributes:
        walked: this node has compared all rooms with it since it started.
        making: another is being made; the next two are what that one has.
        waits: why it does not go on, for people; "" while it does.
    """

    there: bool
    rooms: int = 0
    messages: int = 0
    behind: int = 0
    lag_s: float = 0.0
    walked: bool = False
    making: bool = False
    made_rooms: int = 0
    made_messages: int = 0
    waits: str = ""


class InUse(msgspec.Struct, frozen=True):
    """The connections of the public listener: open now, accepted at most, and refused since the start because all were in use."""

    open: int
    most: int
    refused: int


async def _operator(request: Request, node: ThisNode, token: Token, address: Address) -> Actor:
    """Return who asks, the server itself by its secret. What they are about to change is noted."""
    operator = SYSTEM if _is_secret(token, node.admin_secret) else await _administrator(node, token)
    if operator is None:
        raise _wrong(node, address)
    operation = cast(APIRoute, request.scope["route"]).name
    if request.method != "GET" and operation not in NOTED_WHEN_DONE:
        await node.moderation.note(operator, operation, request.path_params)
    return operator


def _is_secret(token: str, *secrets: str) -> bool:
    return any(hmac.compare_digest(token.encode(), secret.encode()) for secret in secrets if secret)


async def _administrator(node: Node, token: str) -> Actor | None:
    """Return the user of an account that may administer, or None."""
    try:
        user = node.identity.verify(token, node.now()).user
    except (Unfetched, Refused):
        return None
    return user if await node.accounts.administers(user) else None


def _wrong(node: Node, address: str) -> Refused:
    node.arrivals.wrong_token(ADMIN + address, node.turns.time())
    return Refused("bad_token")


Operator = Annotated[Actor, Depends(_operator)]
router = APIRouter()


@router.get("/keys")
async def keys(node: ThisNode) -> Response:
    """List the server keys."""
    found = await node.identity.keys()
    return answer(Keys([Key(k.id, k.label, k.created_at, k.scopes or EVERYTHING, k.expires_ms) for k in found]))


@router.post("/keys")
async def create_key(node: ThisNode, new: Annotated[NewKey, body(NewKey)]) -> Response:
    """Create a server key."""
    k, secret = await node.identity.add_key(new.label, node.now(), new.scopes, new.for_ms)
    return answer(Key(k.id, k.label, k.created_at, k.scopes or EVERYTHING, k.expires_ms, secret), 201)


@router.delete("/keys/{id}")
async def drop_key(node: ThisNode, id: str) -> Response:
    """Delete a server key."""
    await node.identity.drop_key(id)
    return Response(status_code=204)


@router.post("/signing-keys")
async def rotate_keys(node: ThisNode) -> Response:
    """Make a signing key, beside those there are."""
    made = await node.signing.rotate()
    return answer(SigningKeys(made.id, len(node.signing.keys)), 201)


@router.delete("/signing-keys")
async def retire_keys(node: ThisNode) -> Response:
    """Forget all signing keys but the newest."""
    await node.signing.retire()
    return answer(SigningKeys(node.signing.keys[-1].id, len(node.signing.keys)))


@router.get("/nodes")
async def nodes(node: ThisNode) -> Response:
    """List the nodes."""
    heartbeat, now = node.heartbeat, node.turns.time()
    known = [KnownNode(node.name, "here")]
    for name in sorted({*heartbeat.peers, *heartbeat.unheard}):
        state = "unheard" if name in heartbeat.unheard else "heard"
        if (peer := heartbeat.peers.get(name)) is not None:
            known.append(KnownNode(name, state, round(now - peer.since, 1), round(now - peer.heard, 1)))
        else:
            known.append(KnownNode(name, state))
    return answer(Nodes(heartbeat.deaf, known))


@router.get("/search")
async def search(node: ThisNode) -> Response:
    """Say what the search index has, and how far it is behind."""
    status, following, rebuilding = await node.searching.status(), node.following, node.rebuilding
    if status is None or following is None or rebuilding is None:
        return answer(Index(False))
    making, made = await rebuilding.under_way()
    return answer(
        Index(
            True, status.rooms, status.messages, following.behind, round(following.lag, 1), following.swept > 0,
            making, made.rooms, made.messages, await rebuilding.why_it_waits(),
        )
    )  # fmt: skip


@router.delete("/search")
async def rebuild_search(node: ThisNode) -> Response:
    """Have the search index made again beside the one that serves until then."""
    if node.rebuilding is not None:
        await node.rebuilding.ask()
    return await search(node)


@router.get("/connections")
async def connections(node: ThisNode) -> Response:
    """Say how many connections visitors have, and whether there were too few."""
    known = node.gate.connections
    return answer(InUse(known.open, known.most, known.refused["all"]))


@router.get("/rooms")
async def rooms(node: ThisNode, after: AfterId = "", limit: Limit = 50) -> Response:
    """List all rooms."""
    rows = await node.reading.open_rooms(SYSTEM, after, limit)
    return answer(Rooms(cast(list[Room], rows.text), rows.more))


@router.post("/rooms")
async def create_room(node: ThisNode, new: Annotated[NewRoom, body(NewRoom)]) -> Response:
    """Create a room that belongs to the server itself, as the lobby does."""
    id = (await node.rooms.create(SYSTEM, new.id or "", new.title, new.access)).event.room
    return answer(await node.rooms.room(id), 201)


@router.get("/rooms/{id}")
async def room(node: ThisNode, id: RoomPath) -> Response:
    """Show any room."""
    found = await node.rooms.room(id)
    members = await node.reading.members(SYSTEM, id, "", 50)
    live = node.hub.rooms.get(id)
    sockets = live.sockets if live else 0
    return answer(ShownRoom(found, sockets, Members(cast(list[OneMember], members.text), members.more)))


@router.patch("/rooms/{id}")
async def change_room(node: ThisNode, id: RoomPath, change: Annotated[RoomChange, body(RoomChange)]) -> Response:
    """Change any room's settings."""
    await node.rooms.change(SYSTEM, id, change.event())
    return answer(await node.rooms.room(id))


@router.delete("/rooms/{id}")
async def delete_room(node: ThisNode, id: RoomPath) -> Response:
    """Delete any room but the lobby."""
    await node.rooms.delete(SYSTEM, id)
    return Response(status_code=204)


@router.get("/users/{id}/export")
async def export(node: ThisNode, id: str, after: AfterMark = "", limit: Limit = 200) -> Response:
    """List what a user said in all rooms, page by page. One who is deleted, or never was, said nothing new."""
    return answer(exported(*await node.reading.messages_of(SYSTEM, id, after, limit)))


@router.delete("/users/{id}")
async def delete_user(node: ThisNode, operator: Operator, id: str, said: SaidQuery = KEEP) -> Response:
    """Delete a user: their tokens, connections and memberships end. What they said stays, unless `said` says otherwise."""
    await node.users.delete(id, operator, said)
    return Response(status_code=204)


@router.delete("/users/{id}/profile")
async def reset_user(node: ThisNode, id: str) -> Response:
    """Take a user's name and picture away, because nobody shall be shown them."""
    await node.profiles.reset(id)
    return Response(status_code=204)


@router.get("/users/{id}/erasure")
async def erasure(node: ThisNode, id: str) -> Response:
    """Say how far what a deleted user said is erased, or their name."""
    return answer(erasing(await node.users.erasure(id)))


@router.get("/erasures")
async def erasures(node: ThisNode, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the deleted users whose words or names are erased, or were lately."""
    found, more = await node.users.erasures(after, limit)
    return answer(Erasures([erasing(each) for each in found], more))


def admin_app(node: Node, metrics_token: str | None = None, site: Site | None = None) -> BoundedApp:
    """Return the ASGI application of the admin listener.

    Args:
        site: the operator's page.
        metrics_token: what /metrics is read with, besides the admin secret; None: it is read by whoever reaches it.
    """

    async def reader(token: Token, address: Address) -> None:
        if not _is_secret(token, node.admin_secret, metrics_token or ""):
            raise _wrong(node, address)

    api = FastAPI(
        title="Madang administration",
        openapi_url=None,
        redirect_slashes=False,
        dependencies=[Depends(nothing_ignored)],
    )
    api.state.node = node
    handle_errors(api)
    for part in (router, accounts.router, consumers.router, moderation.router):
        api.include_router(part, dependencies=[Depends(_operator)])
    api.include_router(signing_in.router)
    if site is not None:
        api.include_router(site.router("/"))
    metrics, watch = Metrics(node), Watch(node)
    node.wheel.add(watch.tick, 1)

    @api.get("/operation", dependencies=[Depends(_operator)])
    async def operation(since: Annotated[Decimal, Query(ge=0, le=2**53)] = 0) -> Response:
        return answer(watch.since(since))

    @api.get("/metrics", dependencies=[] if metrics_token is None else [Depends(reader)])
    async def show_metrics() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    @api.get("/livez")
    async def livez() -> Response:
        return answer(Health("live"))

    return BoundedApp(api, node.memory)
