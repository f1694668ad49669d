"""REST for papers: make one, list those of a room, rename, finish, reopen and delete one. They are written over `/yjs/{paper}`."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Response

from madang.core.papers import Paper, Rendering
from madang.core.timestamps import moment
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import AfterId, Caller, Limit, RoomPath, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api", tags=["papers"])
PAPER = "/papers/{paper}"
PaperPath = Annotated[str, Path(alias="paper", pattern="^[a-z0-9][a-z0-9_-]{0,63}$", description="The paper's id.")]

Shape = Literal["json", "text", "html"]
_TYPES: Final = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
CONTENT: Final[dict[str, Any]] = documented(dict[str, Any])
CONTENT["responses"][200]["content"] |= {type: {"schema": {"type": "string"}} for type in ("text/plain", "text/html")}


def _shown(paper: Paper) -> a.OnePaper:
    return a.OnePaper(paper.id, paper.room, paper.title, paper.finished, paper.user, moment(paper.at_ms))


def said(says: Rendering, shape: Shape) -> Response:
    """Return the answer that shows what a paper says, or said."""
    return Response(getattr(says, shape), headers={"Content-Type": _TYPES[shape]})


@router.post(ROOM + "/papers", **documented(a.OnePaper, status=201, accepted=b.NewPaper))
async def create_paper(
    node: ThisNode, caller: Caller, id: RoomPath, new: Annotated[b.NewPaper, body(b.NewPaper)]
) -> Response:
    """Make a paper in the room (whoever may write there)."""
    paper = await node.papers.create(caller, id, new.id or "", new.title)
    return answer(_shown(paper), 201, {"Location": f"/api/papers/{paper.id}"})


@router.get(ROOM + "/papers", **documented(a.Papers))
async def papers(node: ThisNode, caller: Caller, id: RoomPath, after: AfterId = "", limit: Limit = 50) -> Response:
    """List the room's papers, in order of their ids."""
    found, more = await node.papers.page(caller, id, after, limit)
    return answer(a.Papers([_shown(paper) for paper in found], more))


@router.get(PAPER, **documented(a.OnePaper))
async def paper(node: ThisNode, caller: Caller, id: PaperPath) -> Response:
    """Show a paper: what it is, and of which room."""
    return answer(_shown(await node.papers.show(caller, id)))


@router.get(PAPER + "/content", **CONTENT)
async def paper_content(
    node: ThisNode,
    caller: Caller,
    id: PaperPath,
    shape: Annotated[Shape, Query(alias="as", description="How.")] = "json",
) -> Response:
    """Show what a paper says, without Yjs: its roots as JSON, plain text, or HTML without any markup of its writers.

    A finished paper says what it said when it was finished; an open one, what is stored now.
    """
    return said(await node.papers.content(caller, id), shape)


@router.patch(PAPER, **documented(a.OnePaper, accepted=b.PaperChange))
async def change_paper(
    node: ThisNode, caller: Caller, id: PaperPath, new: Annotated[b.PaperChange, body(b.PaperChange)]
) -> Response:
    """Rename a paper (moderators)."""
    return answer(_shown(await node.papers.change(caller, id, title=new.title)))


@router.post(PAPER + "/finish", **documented(a.OnePaper))
async def finish_paper(node: ThisNode, caller: Caller, id: PaperPath) -> Response:
    """Finish a paper: nobody writes in it any more (moderators). Finished already, it is shown as it is."""
    return answer(_shown(await node.papers.finish(caller, id)))


@router.post(PAPER + "/reopen", **documented(a.OnePaper))
async def reopen_paper(node: ThisNode, caller: Caller, id: PaperPath) -> Response:
    """Let a finished paper be written in again (moderators)."""
    return answer(_shown(await node.papers.change(caller, id, finished=False)))


@router.delete(PAPER, **documented(a.OnePaper))
async def delete_paper(node: ThisNode, caller: Caller, id: PaperPath) -> Response:
    """Delete a paper with all that was written in it (moderators)."""
    return answer(_shown(await node.papers.delete(caller, id)))
