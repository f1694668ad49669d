"""Bodies are bounded for each route, before anything reads them; every answer carries the common headers."""

from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from madang.core.bounds import MAX_FRAME
from madang.memory import Memory
from madang.transports.http.bounded_app import COUNTED, BoundedApp, body_limit
from madang.transports.http.errors import handle_errors

LARGE = 10 * MAX_FRAME
PIECE = 16 * 1024


class Client:
    """Asks an application over ASGI, with a body that arrives piece by piece."""

    def __init__(self, app: BoundedApp, size: int, *, declared: bool) -> None:
        self.app = app
        self.left = size
        self.taken = 0  # bytes the application has asked for
        self.headers = [(b"content-length", str(size).encode())] if declared else []
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        piece = min(PIECE, self.left)
        self.left -= piece
        self.taken += piece
        return {"type": "http.request", "body": b"x" * piece, "more_body": self.left > 0}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def ask(self, method: str, path: str) -> tuple[int, bytes]:
        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": self.headers}
        await self.app(scope, self.receive, self.send)
        return self.sent[0]["status"], b"".join(message["body"] for message in self.sent[1:])


@pytest.fixture
def pieces() -> list[int]:
    """The sizes of the pieces that the large route was given."""
    return []


@pytest.fixture
def memory() -> Memory:
    return Memory(2 * COUNTED)


@pytest.fixture
def app(pieces: list[int], memory: Memory) -> BoundedApp:
    api = FastAPI()
    handle_errors(api)

    @api.post("/small")
    async def small(request: Request) -> Response:
        return Response(str(len(await request.body())))

    @api.put("/large/{name}")
    @body_limit(LARGE)
    async def large(request: Request, name: str) -> Response:
        pieces.extend([len(piece) async for piece in request.stream() if piece])
        return Response(str(sum(pieces)))

    router = APIRouter(prefix="/api")
    router.put("/large/{name}")(large)
    api.include_router(router)

    @api.get("/answer/{size}")
    async def answer_of(size: int) -> Response:
        return Response(b"x" * size)

    return BoundedApp(api, memory)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [("POST", "/small", MAX_FRAME), ("PUT", "/large/picture", LARGE), ("PUT", "/api/large/picture", LARGE)],
)
async def test_a_body_may_have_as_much_as_its_route_allows(
    app: BoundedApp, method: str, path: str, limit: int, declared: bool
) -> None:
    assert await Client(app, limit, declared=declared).ask(method, path) == (200, str(limit).encode())
    client = Client(app, limit + 1, declared=declared)
    status, body = await client.ask(method, path)
    assert (status, b'"code":"too_big"' in body) == (413, True)
    assert (b"connection", b"close") in client.sent[0]["headers"]
    assert client.taken == (0 if declared else limit + 1)


async def test_a_large_body_is_handed_over_in_the_pieces_it_arrives_in(app: BoundedApp, pieces: Sequence[int]) -> None:
    await Client(app, LARGE, declared=False).ask("PUT", "/large/picture")
    assert set(pieces) == {PIECE}


@pytest.mark.parametrize(("method", "path"), [("POST", "/large/picture"), ("PUT", "/large"), ("PUT", "/elsewhere")])
async def test_where_no_route_takes_more_the_limit_is_the_common_one(app: BoundedApp, method: str, path: str) -> None:
    status, _ = await Client(app, MAX_FRAME + 1, declared=True).ask(method, path)
    assert status == 413


async def test_every_answer_carries_the_common_headers(app: BoundedApp) -> None:
    for path in ("/small", "/elsewhere"):
        client = Client(app, 0, declared=True)
        await client.ask("POST", path)
        assert (b"x-content-type-options", b"nosniff") in client.sent[0]["headers"]
        assert (b"cache-control", b"no-store") in client.sent[0]["headers"]


async def test_answers_that_nobody_has_taken_draw_on_the_nodes_budget(
    app: BoundedApp, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madang.memory.WAIT_S", 0.0)
    clients = [Client(app, 0, declared=True) for _ in range(3)]
    assert [(await client.ask("GET", f"/answer/{COUNTED}"))[0] for client in clients] == [200, 200, 503]
    assert memory.held["http"] == 2 * COUNTED
    small = Client(app, 0, declared=True)
    assert (await small.ask("GET", "/answer/10"))[0] == 200
    clients[0].sent.clear()  # taken
    assert memory.held["http"] == COUNTED
    assert (await Client(app, 0, declared=True).ask("GET", f"/answer/{COUNTED}"))[0] == 200
    clients[1].sent.clear()
    assert memory.held["http"] == 0
