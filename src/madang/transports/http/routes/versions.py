"""REST for versions of papers: list, look at, make and delete them, and go back to one."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from madang.core.timestamps import moment
from madang.core.versions import Version
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Caller, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.routes.papers import CONTENT, PAPER, PaperPath, Shape, said
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api", tags=["papers"])
VERSIONS = PAPER + "/versions"
VERSION = VERSIONS + "/{version}"
VersionPath = Annotated[int, Path(alias="version", ge=1, le=2**53, description="The version's number.")]


def _shown(version: Version) -> a.OneVersion:
    return a.OneVersion(
        version=version.number,
        cause=version.cause,
        title=version.title,
        user=version.user,
        at=moment(version.at_ms),
        size=version.size,
    )


@router.get(VERSIONS, **documented(a.Versions))
async def versions(node: ThisNode, caller: Caller, id: PaperPath) -> Response:
    """List the versions of a paper, the newest first."""
    return answer(a.Versions([_shown(version) for version in await node.versions.page(caller, id)]))


@router.post(VERSIONS, **documented(a.OneVersion, status=201, accepted=b.NewVersion))
async def create_version(
    node: ThisNode, caller: Caller, id: PaperPath, new: Annotated[b.NewVersion, body(b.NewVersion)]
) -> Response:
    """Keep what the paper says now as a version (whoever may write in it)."""
    made = await node.versions.create(caller, id, new.title)
    return answer(_shown(made), 201, {"Location": f"/api/papers/{id}/versions/{made.number}/content"})


@router.get(VERSION + "/content", **CONTENT)
async def version_content(
    node: ThisNode,
    caller: Caller,
    id: PaperPath,
    number: VersionPath,
    shape: Annotated[Shape, Query(alias="as", description="How.")] = "json",
) -> Response:
    """Show what a version says, as the content of a paper is shown."""
    return said(await node.versions.content(caller, id, number), shape)


@router.post(VERSION + "/restore", **documented(a.Restored))
async def restore(node: ThisNode, caller: Caller, id: PaperPath, number: VersionPath) -> Response:
    """Go back to a version (whoever may write in the paper): the paper says again what it said then.

    It is an edit like any other. What the paper said before is kept as a version, too.
    """
    seq = await node.versions.go_back(caller, id, number)
    return answer(a.Restored(seq, node.appender.ack) if seq else a.Restored(unchanged=True))


@router.delete(VERSION, **documented(a.OneVersion))
async def delete_version(node: ThisNode, caller: Caller, id: PaperPath, number: VersionPath) -> Response:
    """Delete a version (the own ones; moderators)."""
    return answer(_shown(await node.versions.delete(caller, id, number)))
