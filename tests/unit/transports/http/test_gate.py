"""What a client may hold over HTTP: connections, bodies that do not come, requests that wait, answers nobody takes."""

from typing import Any

import pytest
from msgspec.structs import replace

from madang.core.rate import Rate
from madang.node.assembly import admin_gate
from madang.services.limits import UNLIMITED
from madang.transports import connections
from madang.transports.addresses import Proxies
from madang.transports.http import errors as http_errors
from madang.transports.http import parser
from madang.transports.http.parser import BODY_S, HEAD_S, HELD, PIPELINED, SLICE, TAKE_S
from madang.transports.node import Node
from tests.unit.transports.conftest import Running
from tests.unit.transports.http.browsers import CHUNKED, GET, Browser, echo, never
from tests.unit.transports.peers import turn
from tests.waiting import eventually, turns
from tests.wire import upgrade


@pytest.fixture
async def browser(node: Node) -> Browser:
    return Browser(node)


# -- between two requests ----------------------------------------------------------------------------------------------


async def test_a_trusted_proxy_closes_an_idle_connection_before_we_do(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a POST meets one that we are just closing, and its sender reads 502."""
    assert parser.PROXY_IDLE_S > 60, "as long as nginx keeps one by default"
    monkeypatch.setattr(parser, "IDLE_S", 0)
    async with running(trusted_proxies=Proxies(["10.0.0.9"])) as node:
        proxy, visitor = Browser(node, "10.0.0.9"), Browser(node, "10.0.0.1")
        for browser in (proxy, visitor):
            browser.send(GET)
            await browser.answered(200)
        await eventually(lambda: visitor.transport.lost)
        proxy.send(GET)
        await proxy.answered(200, 200)


# -- what one client may hold ------------------------------------------------------------------------------------------


async def test_an_answer_given_before_its_body_has_come_ends_the_connection(node: Node) -> None:
    async def hasty(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    for head in (CHUNKED, CHUNKED.replace(b"Transfer-Encoding: chunked", b"Content-Length: 9")):
        browser = Browser(node, app=hasty)
        browser.send(head + b"1\r\nx\r\n")
        await browser.answered(200)
        await eventually(lambda browser=browser: browser.transport.lost)  # type: ignore[misc]
        assert b"connection: close" in browser.transport.sent
    whole = Browser(node, app=hasty)
    whole.send(CHUNKED + b"1\r\nx\r\n0\r\n\r\n")
    await whole.answered(200)
    assert not whole.transport.closing


async def test_a_body_that_does_not_end(browser: Browser) -> None:
    browser.send(CHUNKED)
    for _ in range(int(BODY_S) + 1):
        browser.send(b"1\r\nx\r\n")
        await turns(3)
        turn(browser.node, 1)
    await eventually(lambda: browser.transport.lost)


async def test_empty_lines_are_no_request(browser: Browser) -> None:
    """They do not begin a head, and would put uvicorn's keep-alive timer off without end."""
    browser.send(GET)
    await browser.answered(200)
    for _ in range(int(HEAD_S) + 1):
        browser.send(b"\r\n")
        turn(browser.node, 1)
    assert browser.transport.aborted


@pytest.mark.parametrize("gone", [False, True])
async def test_an_answer_that_nobody_takes(browser: Browser, gone: bool) -> None:
    browser.transport.stuck = True
    browser.send(GET)
    await eventually(lambda: browser.transport.unsent)
    if gone:
        browser.transport.close()  # as uvicorn does after a while without a request
    turn(browser.node, TAKE_S)
    assert not browser.transport.aborted
    turn(browser.node, 1)
    assert browser.transport.aborted


async def test_pipelined_requests_wait_unparsed(browser: Browser) -> None:
    browser.transport.high = 10
    browser.transport.stuck = True
    count = 200
    browser.send(GET * count)
    most = 0
    while len(browser.answers) < count:
        most = max(most, len(browser.protocol.pipeline))
        browser.transport.read()
        await turns(3)
    assert most <= PIPELINED + SLICE // len(GET) + 1
    assert browser.answers == [200] * count


async def test_of_too_many_pipelined_requests_some_are_answered(browser: Browser) -> None:
    browser.send(GET * (HELD // len(GET) * 2))
    await eventually(lambda: browser.transport.lost)
    assert browser.answers == [200] * len(browser.answers)
    assert PIPELINED <= len(browser.answers) < PIPELINED + SLICE // len(GET) + 2


async def test_a_client_that_goes_away_leaves_nothing_and_no_line(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    browser = Browser(node)
    browser.transport.high, browser.transport.stuck = 10, True
    browser.send(GET * 20)
    await eventually(lambda: browser.transport.unsent)
    browser.transport.abort()
    await eventually(lambda: not browser.state.tasks)
    assert node.gate.connections.open == 0
    assert [record.getMessage() for record in caplog.records] == []


# -- places ------------------------------------------------------------------------------------------------------------


async def test_connections_are_counted_from_accept_on(running: Running) -> None:
    async with running(rates=replace(UNLIMITED, sockets_per_address=1)) as node:
        connections = node.gate.connections
        many = [Browser(node) for _ in range(101)]
        assert (connections.open, connections.by_address) == (101, {"10.0.0.1": 101})
        late, other = Browser(node), Browser(node, "10.0.0.2")
        for browser in (late, other, many[0]):
            browser.send(GET)
        await late.answered(503)
        assert b"retry-after" in late.transport.sent.lower()
        await eventually(lambda: late.transport.lost)
        await other.answered(200)
        await many[0].answered(200)
        assert connections.refused == {"address": 1, "all": 0}
        socket = many[1]
        socket.send(upgrade())
        await socket.answered(101)
        assert connections.open == 102, "a WebSocket keeps its place"
        for browser in (*many, other):
            browser.transport.abort()
        await eventually(lambda: all(each.transport.lost for each in many) and other.transport.lost)
        assert (connections.open, connections.by_address) == (0, {})


async def test_who_asks_nothing_gives_way(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(descriptors=3) as node:
        half, asked, socket = [Browser(node) for _ in range(3)]
        half.send(GET[:10])
        asked.send(GET)
        await asked.answered(200)
        socket.send(upgrade())
        monkeypatch.setattr(connections, "RESTED_S", 0.0)
        for newcomer in (Browser(node), Browser(node)):
            newcomer.send(GET)
            await newcomer.answered(200)
        await eventually(lambda: half.transport.lost and asked.transport.lost)
        assert not socket.transport.closing
        monkeypatch.setattr(connections, "RESTED_S", 1000.0)
        last = Browser(node)
        last.send(GET)
        await last.answered(503)  # the newcomers came a moment ago
        assert node.gate.connections.refused == {"address": 0, "all": 1}


async def test_behind_a_proxy_each_request_counts_for_whom_it_is(running: Running) -> None:
    rates = replace(UNLIMITED, sockets_per_address=1)
    async with running(rates=rates, trusted_proxies=Proxies(["10.0.0.9"])) as node:
        browsers = [Browser(node, "10.0.0.9", app=never) for _ in range(102)]
        for browser in browsers:
            browser.send(GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n"))
        await browsers[-1].answered(503)
        assert node.gate.connections.by_address == {"203.0.113.7": 101}
        other = Browser(node, "10.0.0.9")
        other.send(GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.8\r\n\r\n"))
        await other.answered(200)
        assert node.gate.connections.by_address == {"203.0.113.7": 101}, "its request is over"


async def test_requests_are_charged_before_they_are_routed(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_errors, "GATE_HOLD_S", 0.0)
    async with running(rates=replace(UNLIMITED, requests=Rate(0.001, 3))) as node:
        routed: list[str] = []

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            routed.append(scope["path"])
            await echo(scope, receive, send)

        browser = Browser(node, app=counted)
        for n in range(1, 6):
            browser.send(GET)
            await browser.answered(*[200] * min(n, 3), *[429] * max(0, n - 3))
        assert b"retry-after: " in browser.transport.sent.lower()
        assert (len(routed), node.gate.refused) == (3, 2)
        other = Browser(node, "10.0.0.2", app=counted)
        other.send(GET)
        await other.answered(200)


# -- where it was sent to ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8400", "localhost.evil.example"])
async def test_a_request_for_another_host_is_misdirected(node: Node, host: str) -> None:
    for head in (GET.replace(b"localhost", host.encode()), upgrade(f"Origin: http://{host}", host=host)):
        for gate in (node.gate, admin_gate(node)):
            browser = Browser(node, gate=gate)
            browser.send(head)
            await browser.answered(421)
            assert b'"code":"wrong_host"' in browser.transport.sent
