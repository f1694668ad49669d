"""Consumers of server keys, for operators: which there are, how far they are behind, and how one is removed."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response

from madang.core.consumers import NAME
from madang.errors import Refused
from madang.transports.http.dependencies import AfterId, Limit, ThisNode
from madang.transports.http.errors import answer

router = APIRouter(prefix="/keys/{id}/consumers")
ConsumerPath = Annotated[str, Path(pattern=NAME)]


class KnownConsumer(msgspec.Struct, frozen=True):
    """A consumer; `seen_at` is 0 while it is being made or removed. Unix milliseconds."""

    name: str
    made_at: int
    seen_at: int


class KnownConsumers(msgspec.Struct, frozen=True):
    """The consumers of a key, in order of their names."""

    consumers: list[KnownConsumer]


class HowFar(msgspec.Struct, frozen=True):
    """Events that a consumer has not acknowledged, in how many of the rooms looked at, and where to go on; "" at the end."""

    events: int
    rooms: int
    next: str


@router.get("")
async def consumers(node: ThisNode, id: str) -> Response:
    """List the consumers of a server key."""
    found = await node.consumers.of_key(id)
    if not found and all(key.id != id for key in await node.identity.keys()):
        raise Refused("not_found", "There is no such key.")
    return answer(KnownConsumers([KnownConsumer(each.name, each.made_ms, each.seen_ms) for each in found]))


@router.get("/{name}/behind")
async def behind(node: ThisNode, id: str, name: ConsumerPath, after: AfterId = "", limit: Limit = 200) -> Response:
    """Say how far a consumer is behind, some rooms at a time."""
    return answer(HowFar(*await node.consumers.behind(id, name, after, limit)))


@router.delete("/{name}")
async def drop_consumer(node: ThisNode, id: str, name: ConsumerPath) -> Response:
    """Remove a consumer, and end its stream."""
    await node.consumers.drop_of_key(id, name)
    return Response(status_code=204)
