"""Administration and metrics are for the operator alone (row 60)."""

import pytest

from tests.http import http_client
from tests.neighbour import chatting
from tests.rest import admin_client, hold_to_the_error_shape, server_key
from tests.running import Server
from tests.wire import dialled, upgraded


@pytest.mark.parametrize("path", ["/metrics", "/admin", "/debug", "/api/admin"])
async def test_administration_is_not_at_the_front_door(server: Server, path: str) -> None:  # row 60
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    for more in ("X-Forwarded-For: 127.0.0.1", f"Authorization: Bearer {token}"):
        async with chatting(server), dialled(server.port) as raw:
            await raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n\r\n".encode())
            assert await raw.status() in (401, 403, 404)


async def test_a_user_opens_no_door_of_the_administration(server: Server) -> None:
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    key = await server_key(server)
    admin = await admin_client(server)
    doors = [("GET", "/keys"), ("POST", "/keys"), ("DELETE", "/keys/1"), ("GET", "/rooms"), ("POST", "/rooms")]
    async with (
        chatting(server),
        http_client(f"http://127.0.0.1:{admin.port}") as http,
    ):
        for bearer in (token, key, "x"):
            for method, path in [*doors, ("GET", "/rooms/lobby")]:
                answer = await http.request(method, path, headers={"Authorization": f"Bearer {bearer}"})
                assert hold_to_the_error_shape(answer) == "bad_token", (method, path)
