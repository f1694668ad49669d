"""REST for servers that send much: many messages in one request."""

from typing import Annotated

from fastapi import APIRouter, Response
from msgspec import UNSET

from madang.core.bounds import MAX_BATCH
from madang.core.messages import Content
from madang.errors import MadangError
from madang.services.publishing import Publication, Published
from madang.transports.http import server_bodies as s
from madang.transports.http.bounded_app import body_limit
from madang.transports.http.dependencies import Caller, ThisNode
from madang.transports.http.errors import answer, problem
from madang.transports.http.schemas import carried, documented, large_body
from madang.transports.node import Node

router = APIRouter(prefix="/api", tags=["messages"])


@router.post("/publish", **documented(s.Publishes, accepted=s.Publish))
@body_limit(MAX_BATCH)
async def publish(node: ThisNode, caller: Caller, new: Annotated[s.Publish, large_body(s.Publish)]) -> Response:
    """Send up to 1,000 messages into any rooms (server keys). `results` are in their order, each a place in a log or an error."""
    outcomes = await node.publishing.publish(caller, [_wanted(each) for each in new.messages])
    return answer(s.Publishes([_shown(node, outcome) for outcome in outcomes]))


def _wanted(m: s.NewPublication) -> Publication:
    content = Content(text=m.text, data=carried(m.data), reply_to=m.reply_to, mentions=m.mentions)
    sender = (m.sender.id, m.sender.name) if m.sender is not None else None
    return Publication(room=m.room, content=content, cid=m.cid, sender=sender)


def _shown(node: Node, outcome: Published) -> s.OnePublished:
    if isinstance(outcome, MadangError):
        return s.OnePublished(error=problem(outcome))
    event = outcome.event
    duplicate = outcome.duplicate or UNSET
    return s.OnePublished(str(event.id), event.seq, node.appender.ack, duplicate)  # type: ignore[arg-type]
