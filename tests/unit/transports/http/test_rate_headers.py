"""Answers over HTTP say what is left of the rates that were charged: by the buckets themselves, also where one is empty."""

import re
from collections.abc import Mapping
from typing import Any

from madang.core.actors import Actor
from madang.core.rate import Rate
from madang.services.limits import Rates
from madang.transports.http.app import http_app
from madang.transports.node import Node
from tests.unit.transports.conftest import Running
from tests.unit.transports.http.browsers import Browser

MINA = Actor(id="u" + "a" * 16, name="Mina")
RATES = Rates(requests=Rate(0.01, 50), connection=Rate(0.01, 20), user=Rate(0.01, 3))
"""So slow that nothing comes back while a test runs."""
YARD = "/api/rooms/yard/messages"


async def asked(
    node: Node, method: str, path: str, token: str = "", body: bytes = b""
) -> tuple[int, Mapping[str, str]]:
    """Return status and headers of the answer to a request that the gate has let through."""
    node.arrivals.arrival("192.0.2.1", node.turns.time())
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())] if body else []
    headers += [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {
        "type": "http", "method": method, "path": path, "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1000),
        "scheme": "http", "server": ("localhost", 8400),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await http_app(node)(scope, receive, send)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def left(headers: Mapping[str, str]) -> dict[str, int]:
    """Return what is left, by policy; the two headers speak of the same ones, in the same order."""
    policies = re.findall(r'"(\w+)";q=(\d+);w=(\d+)', headers.get("ratelimit-policy", ""))
    limits = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', headers.get("ratelimit", ""))
    assert [name for name, *_ in policies] == [name for name, *_ in limits]
    for (_, quota, window), (_, remaining, seconds) in zip(policies, limits, strict=True):
        assert int(remaining) <= int(quota)
        assert int(seconds) <= int(window) or remaining == "0"
    return {name: int(remaining) for name, remaining, _ in limits}


async def test_an_answer_names_what_it_was_charged_to(running: Running) -> None:
    async with running(rates=RATES) as node:
        status, headers = await asked(node, "GET", "/livez")
        assert (status, left(headers)) == (200, {"address": 49})
        assert headers["ratelimit-policy"] == '"address";q=50;w=5000'
        assert re.fullmatch(r'"address";r=49;t=\d+', headers["ratelimit"])
        await node.rooms.enter(MINA, "yard")
        token = node.identity.tokens.sign(MINA, node.now()).token
        status, headers = await asked(node, "GET", "/api/me", token)
        assert (status, left(headers)) == (200, {"address": 48, "user": 19})
        status, headers = await asked(node, "POST", YARD, token, b'{"text":"hello"}')
        assert (status, left(headers)) == (201, {"address": 47, "user": 18, "changes": 1}), "the join was one, too"
        assert headers["ratelimit-policy"] == '"address";q=50;w=5000, "user";q=20;w=2000, "changes";q=3;w=300'


async def test_who_has_nothing_left_is_told_so_and_how_long_to_wait(running: Running) -> None:
    async with running(rates=RATES) as node:
        await node.rooms.enter(MINA, "yard")
        token = node.identity.tokens.sign(MINA, node.now()).token
        for _ in range(2):
            await asked(node, "POST", YARD, token, b'{"text":"hello"}')
        status, headers = await asked(node, "POST", YARD, token, b'{"text":"hello"}')
        assert (status, left(headers)["changes"]) == (429, 0)
        assert int(headers["retry-after"]) >= 1
        node.limits.took(None, 1.0, 0, MINA.id, "", node.turns.time())
        status, headers = await asked(node, "GET", "/api/me", token)
        assert (status, left(headers)["user"]) == (429, 0), "who they are is known before they are refused"


async def test_servers_are_told_nothing(running: Running) -> None:
    async with running(rates=RATES) as node:
        _, key = await node.identity.add_key("Shop", node.now())
        status, headers = await asked(node, "GET", "/api/me", key)
        assert (status, left(headers)) == (200, {})


async def test_what_has_no_limit_is_not_named(running: Running) -> None:
    async with running() as node:
        token = node.identity.tokens.sign(MINA, node.now()).token
        status, headers = await asked(node, "GET", "/api/me", token)
        assert (status, left(headers)) == (200, {})


async def test_a_refusal_of_the_gate_says_so_too(running: Running) -> None:
    async with running(rates=Rates(requests=Rate(0.5, 1))) as node:
        browser = Browser(node)
        for _ in range(2):
            browser.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await browser.answered(200, 429)
        refusal = browser.transport.sent.decode().lower().partition(" 429 ")[2]
        assert '"address";q=1;w=2' in refusal
        assert '"address";r=0;t=2' in refusal
