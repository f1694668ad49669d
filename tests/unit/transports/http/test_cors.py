"""Pages of listed origins may ask and read what is answered, refusals too; others may not; and nothing goes with credentials."""

from collections.abc import Mapping

import pytest

from madang.core.rate import Rate
from madang.services.limits import Rates
from madang.transports.http.app import http_app
from madang.transports.http.cors import READ
from madang.transports.node import Node
from tests.unit.transports.conftest import Running
from tests.unit.transports.http import asking
from tests.unit.transports.http.browsers import Browser

OURS, THEIRS = "https://app.example", "https://app.example.evil"
ALLOW = "access-control-allow-origin"


async def asked(node: Node, method: str, path: str, *headers: tuple[str, str]) -> tuple[int, Mapping[str, str]]:
    """Return status and headers of the answer to a request."""
    status, found, _ = await asking.asked(http_app(node), method, path, *headers)
    assert "access-control-allow-credentials" not in found
    return status, found


def preflight(origin: str, method: str = "PATCH", wanted: str = "authorization, Content-Type") -> list[tuple[str, str]]:
    named = [("access-control-request-headers", wanted)] if wanted else []
    return [("origin", origin), ("access-control-request-method", method), *named]


async def test_pages_of_listed_origins_read_answers(running: Running) -> None:
    async with running(origins=frozenset({OURS})) as node:
        for path, status in (("/livez", 200), ("/api/me", 401), ("/nowhere", 404)):
            assert await asked(node, "GET", path) == (status, await _without_origin(node, path))
            code, headers = await asked(node, "GET", path, ("origin", OURS))
            assert (code, headers[ALLOW], headers["vary"]) == (status, OURS, "Origin")
            assert headers["access-control-expose-headers"] == ", ".join(READ)
            for origins in ([THEIRS], ["null"], [""], [OURS, OURS], [OURS.upper() + ".EVIL"]):
                code, headers = await asked(node, "GET", path, *(("origin", origin) for origin in origins))
                assert (code, ALLOW in headers, headers["vary"]) == (status, False, "Origin")


async def _without_origin(node: Node, path: str) -> Mapping[str, str]:
    _, headers = await asked(node, "GET", path)
    assert ALLOW not in headers and headers["vary"] == "Origin", "or a cache would show it to others"
    return headers


async def test_a_preflight_is_answered_without_a_route(running: Running) -> None:
    async with running(origins=frozenset({OURS})) as node:
        for path in ("/api/rooms", "/api/rooms/yard/messages", "/nowhere"):
            status, headers = await asked(node, "OPTIONS", path, *preflight(OURS))
            assert (status, headers[ALLOW]) == (204, OURS)
            assert {"GET", "POST", "PUT", "PATCH", "DELETE"} == set(headers["access-control-allow-methods"].split(", "))
            assert int(headers["access-control-max-age"]) >= 7200
        for method, wanted in (
            ("GET", ""),
            ("HEAD", "accept"),
            ("DELETE", "idempotency-key,AUTHORIZATION , accept-language"),
        ):
            assert (await asked(node, "OPTIONS", "/api/rooms", *preflight(OURS, method, wanted)))[0] == 204
        for origin, method, wanted in (
            (THEIRS, "GET", ""), (OURS, "TRACE", ""), (OURS, "get", ""), (OURS, "GET", "x-forwarded-for"), (OURS, "GET", "cookie"),
        ):  # fmt: skip
            status, headers = await asked(node, "OPTIONS", "/api/rooms", *preflight(origin, method, wanted))
            assert (status, headers.get(ALLOW)) == (403, OURS if origin == OURS else None)
            assert "access-control-allow-methods" not in headers
        assert (await asked(node, "OPTIONS", "/api/rooms"))[0] == 405, "this is not a preflight"


async def test_every_origin_is_a_list_without_credentials(running: Running) -> None:
    async with running(origins=frozenset({"*"})) as node:
        assert (await asked(node, "GET", "/livez", ("origin", THEIRS)))[1][ALLOW] == "*"
        assert (await asked(node, "OPTIONS", "/api/me", *preflight(THEIRS)))[1][ALLOW] == "*"


async def test_without_a_list_there_is_nothing(running: Running) -> None:
    async with running() as node:
        status, headers = await asked(node, "GET", "/livez", ("origin", OURS))
        assert (status, ALLOW in headers, "vary" in headers) == (200, False, False)
        assert (await asked(node, "OPTIONS", "/api/rooms", *preflight(OURS)))[0] == 405


@pytest.mark.parametrize("origin", [OURS, THEIRS])
async def test_a_page_reads_how_long_the_gate_makes_it_wait(running: Running, origin: str) -> None:
    async with running(rates=Rates(requests=Rate(0.5, 1)), origins=frozenset({OURS})) as node:
        browser = Browser(node)
        for _ in range(2):
            browser.send(f"GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\r\n".encode())
        await browser.answered(200, 429)
        refusal = browser.transport.sent.decode().lower().partition(" 429 ")[2]
        assert (f"{ALLOW}: {OURS}\r\n" in refusal) == (origin == OURS)
        assert "retry-after: " in refusal
