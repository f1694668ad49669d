"""REST for searching."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from madang.core.bounds import MAX_QUERY_TEXT, NOT_IN_IDS
from madang.transports.http import answers as a
from madang.transports.http.dependencies import Caller, Limit, ThisNode
from madang.transports.http.schemas import documented

router = APIRouter(prefix="/api", tags=["messages"])

Words = Annotated[
    str, Query(max_length=MAX_QUERY_TEXT, description="Words and phrases in quotes, all of which are found.")
]
InRoom = Annotated[str | None, Query(min_length=1, max_length=64, description="The only room to search.")]
OfUser = Annotated[str | None, Query(pattern=rf"^[^{NOT_IN_IDS}]{{1,64}}$", description="Whose messages.")]
From = Annotated[str | None, Query(alias="from", max_length=40, description="The earliest time or date.")]
To = Annotated[str | None, Query(max_length=40, description="The latest time or date.")]
BeforeId = Annotated[str | None, Query(pattern="^[0-9]{1,19}$", description="The id of the last message had.")]


@router.get("/search", **documented(a.Found))
async def search(
    node: ThisNode,
    caller: Caller,
    q: Words,
    room: InRoom = None,
    user: OfUser = None,
    since: From = None,
    to: To = None,
    before: BeforeId = None,
    limit: Limit = 50,
) -> Response:
    """Search for messages in a room, or in all of the caller's. Newest first."""
    found = await node.searching.search(
        caller,
        q,
        room=room,
        user=user,
        since=since,
        until=to,
        before=None if before is None else int(before),
        limit=limit,
    )
    more, complete = (b"true" if flag else b"false" for flag in (found.more, found.complete))
    text = b'{"messages":%b,"more":%b,"complete":%b}' % (found.messages, more, complete)
    return Response(text, media_type="application/json")
