"""Bad input on the wire, from the tables: for every kind an error or a close with its code, and a neighbour chats on.

Every bad client comes from an address of its own, so that limits per address are met only where they are meant.
"""

import json
from typing import Any

import pytest

from madang.codes import ERRORS
from tests.integration.bad_input.commands import COMMANDS, NAMES
from tests.integration.bad_input.frames import FRAMES
from tests.integration.bad_input.handshakes import HANDSHAKES
from tests.integration.bad_input.requests import REQUESTS, got
from tests.neighbour import chatting
from tests.running import Server
from tests.wire import Raw, dialled, guest, upgrade, upgraded


def cases(table: list[tuple[Any, ...]]) -> list[Any]:
    """Return a table's rows as parameters, named by row and what they send."""
    return [pytest.param(*rest, id=f"{row}-{what!a}") for row, what, *rest in table]


@pytest.mark.parametrize(("data", "code"), cases(FRAMES))
async def test_a_bad_frame_closes_the_connection_with_its_code(
    server: Server, data: bytes, code: int | tuple[int, ...]
) -> None:
    async with chatting(server), upgraded(server.port) as raw:
        await raw.send(data)
        assert await raw.closed() in (code if isinstance(code, tuple) else (code,))


@pytest.mark.parametrize(("text", "code"), cases(COMMANDS))
async def test_a_bad_command_is_refused_with_its_code_and_the_connection_lives(
    server: Server, text: str, code: str | tuple[str, ...]
) -> None:
    async with chatting(server), guest(server.port) as raw:
        await raw.tell(text)
        answer = await raw.answer()
        assert answer["op"] == "error"
        assert answer["code"] in (code if isinstance(code, tuple) else (code,))
        assert (await raw.ask(op="ping", n=6))["op"] == "ok"  # the connection lives


async def test_a_name_that_misleads_is_refused(server: Server) -> None:
    async with chatting(server), upgraded(server.port) as raw:
        for n, (row, name) in enumerate(NAMES, 1):
            answer = await raw.ask(op="hello", n=n, guest=name)
            assert answer.get("code") == "bad_name", (row, ascii(name))


async def refused_in_the_one_shape(raw: Raw) -> int:
    """Return the status that the code of an error stands for."""
    assert raw.headers["content-type"] == "application/json"
    error = json.loads(await raw.take(int(raw.headers["content-length"])))["error"]
    assert error["message"]
    return ERRORS[error["code"]].http


@pytest.mark.parametrize(("request_", "status"), cases(HANDSHAKES))
async def test_a_bad_handshake_is_refused_with_its_status(server: Server, request_: bytes, status: int) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(request_)
        assert await raw.status() == status
        assert "sec-websocket-extensions" not in raw.headers
        if status != 101:
            assert await refused_in_the_one_shape(raw) == status


@pytest.mark.parametrize(("request_", "code"), cases(REQUESTS))
async def test_a_bad_request_is_refused_with_its_code(server: Server, request_: bytes, code: str) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(request_)
        assert await raw.status() == ERRORS[code].http
        assert json.loads(await raw.ended())["error"]["code"] == code


async def test_a_request_to_another_host_is_refused(server: Server) -> None:  # row 61
    admin = json.loads((server.data / "admin.json").read_text())["port"]
    for port in (server.port, admin):
        async with dialled(port) as raw:
            await raw.send(got("/", host="evil.example"))
            assert await raw.status() == ERRORS["wrong_host"].http


async def test_a_version_that_is_not_spoken(server: Server) -> None:  # row 65
    async with chatting(server), upgraded(server.port) as raw:
        answer = await raw.ask(op="hello", n=1, guest="Mallory", v=99)
        assert (answer["op"], answer["code"]) == ("error", "bad_version")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://HOST", 101),
        ("https://HOST", 101),  # TLS ends at the proxy
        ("null", 403),
        ("http://HOST.evil.io", 403),
        ("http://app.HOST", 403),
        ("http://evil.io", 403),
        ("http://evil.io/HOST", 403),
        ("http://HOST@evil.io", 403),
        ("http://HOST:1", 403),
        ("http://localhost", 403),
        ("http://HOST, http://evil.io", 403),
        ("file://", 403),
        ("", 403),
    ],
)
async def test_pages_of_foreign_origins_are_refused(server: Server, origin: str | None, status: int) -> None:  # row 18
    host = f"chat.example:{server.port}"
    async with chatting(server), dialled(server.port) as raw:
        headers = [] if origin is None else [f"Origin: {origin.replace('HOST', host)}"]
        await raw.send(upgrade(*headers, host=host))
        assert await raw.status() == status
        if status != 101:
            assert await refused_in_the_one_shape(raw) == status


async def test_two_origins(server: Server) -> None:  # row 18
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(upgrade("Origin: http://localhost", "Origin: http://evil.io"))
        assert await raw.status() in (400, 403)
