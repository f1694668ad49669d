"""The public listener: REST, health, the page and /openapi.json in one ASGI application."""

from functools import cached_property, partial
from typing import Any, Final, cast

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from starlette.datastructures import State
from starlette.types import ASGIApp, Scope

from madang import __version__
from madang.errors import Refused, StorageFailed
from madang.protocol.native.answers import ServerInfo
from madang.transports.http import page
from madang.transports.http.answers import Health
from madang.transports.http.bounded_app import BoundedApp
from madang.transports.http.constants import Document, document, shown
from madang.transports.http.dependencies import Scheme, ThisNode, nothing_ignored
from madang.transports.http.errors import answer, failure, handle_errors
from madang.transports.http.lateness import judge_again
from madang.transports.http.rate_headers import rate_headers
from madang.transports.http.routes import accounts as http_accounts
from madang.transports.http.routes import invites as http_invites
from madang.transports.http.routes import messages as http_messages
from madang.transports.http.routes import moderation as http_moderation
from madang.transports.http.routes import papers as http_papers
from madang.transports.http.routes import publishing as http_publishing
from madang.transports.http.routes import queries as http_queries
from madang.transports.http.routes import reports as http_reports
from madang.transports.http.routes import rooms as http_rooms
from madang.transports.http.routes import search as http_search
from madang.transports.http.routes import tickets as http_tickets
from madang.transports.http.routes import users as http_users
from madang.transports.http.routes import versions as http_versions
from madang.transports.http.routes import words as http_words
from madang.transports.http.schemas import documented, schemas
from madang.transports.http.site import Site
from madang.transports.node import Node
from madang.transports.offers import server_info
from madang.transports.socketio import routes as socketio
from madang.transports.sse import routes as sse

_DESCRIPTION: Final = (
    "Rooms, messages and members over HTTP. Live events come over the WebSocket at `/ws`. "
    'Every error is `{"error": {"code", "message"}}`; protocol/codes.toml has all codes.'
)
PAGES: Final = ("/", "/r/{room}", "/r/{room}/{seq}", "/r/{room}/p/{paper}")
"""Where the page is; what to show at each, it reads from its address."""
QUERIES: Final = frozenset({"/api/members/query", "/api/presence/query"})
"""What reads, and is asked for by POST."""
router = APIRouter(tags=["server"])
unbuilt = APIRouter()


@router.get("/livez", **documented(Health))
async def livez() -> Response:
    """Answer as long as the process runs."""
    return answer(Health("live"))


@router.get("/readyz", **documented(Health))
async def readyz(node: ThisNode) -> Response:
    """Say whether new connections are welcome: not while the node drains, or when the storage does not answer.

    Nodes that are not heard make none less ready, since the log has all they store: `unheard` counts them.
    """
    if node.admission.draining:
        raise Refused("draining")
    if node.gate.connections.full:
        raise Refused("overloaded", f"All {node.gate.connections.most} connections are in use.")
    if not await node.reading.probe():
        raise StorageFailed("The storage does not answer.")
    return answer(Health("ready", len(node.heartbeat.unheard)))


@router.get("/api/server", **documented(ServerInfo))
async def server(node: ThisNode) -> Response:
    """Say to anybody what this server is: its limits, who may come in, whether guests may make rooms, and what there is."""
    return answer(server_info(node, None))


@router.get("/ws", include_in_schema=False)
async def websocket() -> Response:
    """Say what this path is for: whoever upgrades to a WebSocket does not get here."""
    response = failure(Refused("not_websocket"))
    response.headers.update({"Upgrade": "websocket", "Connection": "Upgrade"})
    return response


@router.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> Response:
    """Describe the API."""
    return shown(request, cast(_Api, request.app).described)


@unbuilt.get("/", include_in_schema=False)
async def front(request: Request, scheme: Scheme) -> Response:
    """Show people what this is, where the page was not built."""
    headers = request.headers
    return shown(request, page.front(headers.get("accept-language", ""), headers.get("host", ""), scheme == "https"))


_OF_ALL_ROUTES: Final = [Depends(nothing_ignored)]
# FastAPI takes 60 ms to work these routes out, so all nodes of a process share them.
rest = APIRouter(dependencies=_OF_ALL_ROUTES, generate_unique_id_function=lambda route: route.name)
for _part in (
    http_users.router,
    http_tickets.router,
    http_accounts.router,
    http_rooms.router,
    http_invites.router,
    http_moderation.router,
    http_reports.router,
    http_words.router,
    http_messages.router,
    http_papers.router,
    http_versions.router,
    http_search.router,
    http_publishing.router,
    http_queries.router,
    sse.router,
    socketio.router,
    router,
):
    rest.include_router(_part)


def http_app(node: Node, site: Site | None = None) -> ASGIApp:
    """Return the ASGI application of the public listener.

    Args:
        site: the page; without one, people are told what this is.
    """
    api = _Api(
        title="Madang", version=__version__, description=_DESCRIPTION, openapi_url=None, servers=[{"url": "/"}],
        redirect_slashes=False, dependencies=_OF_ALL_ROUTES,
    )  # fmt: skip
    api.state.node = node
    handle_errors(api)
    api.router.routes += rest.routes
    for part in (site.router(*PAGES) if site is not None else APIRouter(), unbuilt):
        api.include_router(part)
    return node.gate.around(BoundedApp(api, node.memory, partial(rate_headers, node), partial(_judge_read, node)))


async def _judge_read(node: Node, scope: Scope) -> None:
    """Raise Refused (bad_token) for what was read so slowly that its reader has been signed out. What was changed is answered."""
    if scope["method"] == "GET" or scope["path"] in QUERIES:
        await judge_again(node, State(scope.get("state")))


class _Api(FastAPI):
    @cached_property
    def described(self) -> Document:
        """The OpenAPI document, encoded once."""
        return document(msgspec.json.encode(self.openapi()), "application/json")

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the schemas of our own structs."""
        if self.openapi_schema is None:
            document = super().openapi()
            document.setdefault("components", {}).setdefault("schemas", {}).update(schemas())
        return super().openapi()
