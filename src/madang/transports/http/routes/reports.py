"""REST for reports: tell moderators of a message, see what waits, resolve it."""

from typing import Annotated, cast

from fastapi import APIRouter, Query, Response

from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Caller, Decimal, Limit, RoomPath, SeqPath, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api" + ROOM + "/reports", tags=["moderation"])

AfterSeq = Annotated[Decimal, Query(ge=0, le=2**53, description="Page on from above this seq.")]


@router.post("", **documented(a.Reported | a.Unchanged, status=201, also=200, accepted=b.NewReport))
async def report(
    node: ThisNode, caller: Caller, id: RoomPath, new: Annotated[b.NewReport, body(b.NewReport)]
) -> Response:
    """Tell the moderators of a message. 201 when it is new, 200 when the caller has reported it before."""
    made = await node.reports.report(caller, id, new.seq, new.reason)
    return answer(a.Reported(), 201) if made else answer(a.Unchanged())


@router.get("", **documented(a.ReportQueue))
async def reports(node: ThisNode, caller: Caller, id: RoomPath, after: AfterSeq = 0, limit: Limit = 50) -> Response:
    """List the messages with open reports (moderators)."""
    rows = await node.reports.page(caller, id, after, limit)
    return answer(a.ReportQueue(cast(list[a.ReportedMessage], rows.text), rows.more))


@router.delete("/{seq}", **documented(a.Resolved))
async def resolve(node: ThisNode, caller: Caller, id: RoomPath, seq: SeqPath) -> Response:
    """Resolve the reports of a message (moderators)."""
    return answer(a.Resolved(await node.reports.resolve(caller, id, seq)))
