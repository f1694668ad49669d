"""Papers: updates, state vectors and awareness that are none, and requests about papers that name none (row 53)."""

from typing import Any

import pytest

from tests.neighbour import chatting
from tests.rest import rest
from tests.running import Server
from tests.yjs import Writer, close_code, number, opened, shown, sized

_ITEM = bytes.fromhex("0101070008010161")
HOSTILE: dict[str, bytes] = {
    "random bytes": b"\x00\x02" + sized(bytes(range(7, 250))),
    "a struct without its content": b"\x00\x02" + sized(b"\x01\x01\x07\x00\x08"),
    "a million structs announced": b"\x00\x02" + sized(number(1_000_000) + b"\x01"),
    "a client id of 2**60": b"\x00\x02" + sized(b"\x01\x01" + number(1 << 60)),
    "values within values": b"\x00\x02" + sized(_ITEM + b"\x01" + b"u\x01" * 100_000 + b"u\x00\x00"),
    "a state vector of 134 million clients": b"\x00\x00" + sized(number(1 << 27)),
    "a state vector cut short": b"\x00\x00" + sized(b"\x02\x01"),
    "a step that there is not": b"\x00\x03" + sized(b"\x00\x00"),
    "more behind the message": b"\x00\x02" + sized(b"\x00\x00") + b"\x00",
    "an awareness of a megabyte": b"\x01" + sized(b"\x01\x01\x01" + sized(b'"' + b"x" * 1_000_000 + b'"')),
    "a thousand client ids": b"\x01" + sized(number(1000) + b"".join(number(n) + b"\x01\x02{}" for n in range(1000))),
    "a state with the same key twice": b"\x01" + sized(b"\x01\x01\x01" + sized(b'{"a":1,"a":2}')),
    "a state of 60,000 brackets": b"\x01" + sized(b"\x01\x01\x01" + sized(b"[" * 60_000)),
    "the server's own kind": b"\x02\x00" + sized(b"denied"),
}  # fmt: skip


async def _made(server: Server, name: str) -> tuple[str, Any]:
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        await mina.ok("POST", "/api/rooms/lobby/papers", {"id": name, "title": "Card"})
        return mina.token, mina


@pytest.mark.parametrize("what", HOSTILE)
async def test_messages_that_papers_do_not_have(server: Server, what: str) -> None:
    name = f"p-{list(HOSTILE).index(what)}"
    token, _ = await _made(server, name)
    async with chatting(server), opened(server.url, name, token) as other:
        neighbour = Writer(other)
        await neighbour.begin()
        async with opened(server.url, name, token) as socket:
            await socket.send(HOSTILE[what])
            assert await close_code(socket) == 4400
        await neighbour.say("still here")
        async with opened(server.url, name, token) as socket:
            after = Writer(socket)
            await after.begin()
            await after.until(lambda: str(after.text) == "still here")


async def test_names_that_objects_have_are_only_names(server: Server) -> None:
    """`__proto__` in what a client shows, and as a root, is a key like others."""
    token, _ = await _made(server, "proto")
    async with chatting(server), opened(server.url, "proto", token) as one, opened(server.url, "proto", token) as two:
        mina, bora = Writer(one), Writer(two)
        await mina.begin()
        await bora.begin()
        await one.send(shown(5, 1, {"__proto__": {"admin": True}, "user": {"constructor": 1}}))
        await bora.until(lambda: 5 in bora.shown)
        assert bora.shown[5]["__proto__"] == {"admin": True}
        assert bora.shown[5]["user"]["constructor"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/api/rooms/lobby/papers", {"id": "../x", "title": "x"}, "bad_field"),
        ("POST", "/api/rooms/lobby/papers", {"id": "Card", "title": "x"}, "bad_field"),
        ("POST", "/api/rooms/lobby/papers", {"id": "x" * 65, "title": "x"}, "bad_field"),
        ("POST", "/api/rooms/lobby/papers", {"id": {"$ne": None}, "title": "x"}, "bad_field"),
        ("POST", "/api/rooms/lobby/papers", {"id": "a", "title": "\u202eevil"}, "bad_name"),
        ("POST", "/api/rooms/lobby/papers", {"id": "a", "title": "x", "finished": True}, "bad_field"),
        ("GET", "/api/papers/__proto__", None, "bad_field"),
        ("GET", "/api/papers/%2e%2e", None, "bad_field"),
        ("GET", "/api/papers/no-such", None, "not_found"),
        ("POST", "/api/papers/no-such/finish", None, "not_found"),
        ("DELETE", "/api/papers/no-such", None, "not_found"),
    ],
)  # fmt: skip
async def test_requests_about_papers_that_are_none(
    server: Server, method: str, path: str, body: Any, code: str
) -> None:
    async with chatting(server), rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        assert await mina.refused(method, path, body) == code
