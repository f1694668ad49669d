"""Moderation on the admin listener: audit trails, reports and word lists, of any room and of the server."""

from typing import cast

from fastapi import APIRouter, Response

from madang.services.rooms import SYSTEM
from madang.transports.http.answers import AuditTrail, OneDeed, ReportedMessage, ReportQueue, Resolved
from madang.transports.http.dependencies import BeforeN, Limit, RoomPath, SeqPath, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.routes.reports import AfterSeq
from madang.transports.http.routes.words import NewWords, listed, shown

router = APIRouter()


@router.get("/audit")
async def servers_audit(node: ThisNode, before: BeforeN = None, limit: Limit = 50) -> Response:
    """Show what was done on the server outside of rooms, the newest first."""
    rows = await node.moderation.servers_audit(before, limit)
    return answer(AuditTrail(cast(list[OneDeed], rows.text), rows.more))


@router.get("/rooms/{id}/audit")
async def audit(node: ThisNode, id: RoomPath, before: BeforeN = None, limit: Limit = 50) -> Response:
    """Show who did what in a room by the rights of a moderator or an owner, the newest first."""
    await node.rooms.room(id)
    rows = await node.moderation.audit(SYSTEM, id, before, limit)
    return answer(AuditTrail(cast(list[OneDeed], rows.text), rows.more))


@router.get("/rooms/{id}/reports")
async def reports(node: ThisNode, id: RoomPath, after: AfterSeq = 0, limit: Limit = 50) -> Response:
    """Show the messages of a room that have open reports."""
    await node.rooms.room(id)
    rows = await node.reports.page(SYSTEM, id, after, limit)
    return answer(ReportQueue(cast(list[ReportedMessage], rows.text), rows.more))


@router.delete("/rooms/{id}/reports/{seq}")
async def resolve(node: ThisNode, id: RoomPath, seq: SeqPath) -> Response:
    """Resolve the reports of a message."""
    await node.rooms.room(id)
    return answer(Resolved(await node.reports.resolve(SYSTEM, id, seq)))


@router.get("/words")
async def words(node: ThisNode) -> Response:
    """Show the word list of the server, besides that of its settings."""
    return answer(shown(await node.word_lists.show_servers()))


@router.put("/words")
async def set_words(node: ThisNode, new: NewWords) -> Response:
    """Replace the word list of the server, besides that of its settings."""
    return answer(shown(await node.word_lists.change_servers(listed(new))))


@router.get("/rooms/{id}/words")
async def room_words(node: ThisNode, id: RoomPath) -> Response:
    """Show the word list of any room."""
    await node.rooms.room(id)
    return answer(shown(await node.word_lists.show(SYSTEM, id)))


@router.put("/rooms/{id}/words")
async def set_room_words(node: ThisNode, id: RoomPath, new: NewWords) -> Response:
    """Replace the word list of any room."""
    await node.rooms.room(id)
    return answer(shown(await node.word_lists.change(SYSTEM, id, listed(new))))
