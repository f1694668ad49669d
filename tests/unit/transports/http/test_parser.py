"""The heads of HTTP requests are bounded in time, bytes and number, the first and every later one; bodies are not heads."""

import pytest

from madang.transports.http.parser import (
    HEAD_BYTES,
    HEAD_S,
    HEADERS,
)  # fmt: skip
from madang.transports.node import Node
from tests.unit.transports.http.browsers import CHUNKED, GET, Browser
from tests.unit.transports.peers import turn
from tests.waiting import eventually, turns
from tests.wire import TEXT, frame, upgrade


@pytest.fixture
async def browser(node: Node) -> Browser:
    return Browser(node)


async def test_a_connection_is_kept_after_its_request(browser: Browser) -> None:
    browser.send(GET)
    await browser.answered(200)
    turn(browser.node, 30)
    assert not browser.transport.aborted, "a connection at rest is uvicorn's to end"


async def test_bytes_one_by_one(browser: Browser) -> None:
    for byte in GET:
        browser.send(bytes([byte]))
    await browser.answered(200)


async def test_pipelined_requests(browser: Browser) -> None:
    browser.send(GET * 3)
    await browser.answered(200, 200, 200)


@pytest.mark.parametrize("begun", [b"", b"G", GET[:-2]])
async def test_a_first_head_that_takes_too_long(browser: Browser, begun: bytes) -> None:
    browser.send(begun)
    turn(browser.node, int(HEAD_S) - 1)
    assert not browser.transport.aborted
    turn(browser.node, 1)
    assert browser.transport.aborted
    await eventually(lambda: browser.transport.lost)
    assert not browser.state.connections
    turn(browser.node, 70)


async def test_a_later_head_that_takes_too_long(browser: Browser) -> None:
    """A byte a second keeps uvicorn's keep-alive timer off without end."""
    browser.send(GET)
    await browser.answered(200)
    turn(browser.node, 12)
    for byte in GET[:-2][: int(HEAD_S) * 2 + 2]:
        browser.send(bytes([byte]))
        turn(browser.node, 1)
    assert browser.transport.aborted


async def test_later_heads_in_good_time(browser: Browser) -> None:
    for n in range(1, 8):
        browser.send(GET[:10])
        turn(browser.node, 3)
        browser.send(GET[10:])
        await browser.answered(*[200] * n)
        turn(browser.node, 3)
    assert not browser.transport.aborted


@pytest.mark.parametrize("size", [1000, 40])
async def test_a_head_that_does_not_end(browser: Browser, size: int) -> None:
    browser.send(GET[:-2] + b"X: ")
    sent = 0
    while not browser.transport.closing:
        browser.send(b"x" * size)
        sent += size
        await browser.heard()
        assert sent <= HEAD_BYTES + size
    await browser.answered(431)


async def test_headers_that_do_not_end(browser: Browser) -> None:
    browser.send(GET[:-2])
    n = 0
    while not browser.transport.closing:
        browser.send(b"A%d: b\r\n" % n)
        n += 1
        await browser.heard()
        assert n <= HEADERS + 1
    await browser.answered(431)


@pytest.mark.parametrize("more", [b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"Content-Length: 3\r\n"])
async def test_too_many_headers_in_one_packet(browser: Browser, more: bytes) -> None:
    head = GET[:-2] + more + b"".join(b"A%d: b\r\n" % n for n in range(HEADERS * 3)) + b"\r\n"
    browser.send(head + b"abc")
    await browser.answered(431)
    await eventually(lambda: browser.transport.lost)
    assert (browser.node.admission.open, browser.state.connections) == (0, set())


async def test_a_large_head_in_one_packet(browser: Browser) -> None:
    browser.send(GET[:-2] + b"X: " + b"x" * HEAD_BYTES * 2 + b"\r\n\r\n")
    await browser.answered(431)


async def test_a_large_target_in_one_packet(browser: Browser) -> None:
    browser.send(GET.replace(b"/livez", b"/" + b"x" * HEAD_BYTES))
    await browser.answered(431)


async def test_a_large_second_head_in_one_packet(browser: Browser) -> None:
    browser.send(GET)
    await browser.answered(200)
    browser.send(GET[:-2] + b"X: " + b"x" * HEAD_BYTES + b"\r\n\r\n")
    await browser.answered(200, 431)


async def test_a_head_just_small_enough(browser: Browser) -> None:
    browser.send(GET[:-2] + b"X: " + b"x" * (HEAD_BYTES - 200) + b"\r\n\r\n")
    await browser.answered(200)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_no_head(browser: Browser, chunked: bool) -> None:
    """What came as a body must not count for the head behind it."""
    size = HEAD_BYTES * 2
    head = b"POST /p HTTP/1.1\r\nHost: localhost\r\n"
    if chunked:
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    else:
        head += b"Content-Length: %d\r\n\r\n" % size
        body = b"x" * size
    browser.send(head)
    await turns()
    for n in range(0, len(body), 4000):
        browser.send(body[n : n + 4000])
        await turns(2)
    await browser.answered(200)
    browser.send(GET[:10])
    await turns()
    browser.send(GET[10:])
    await browser.answered(200, 200)
    assert b"/p:%d;" % size in browser.transport.sent


async def test_a_body_and_the_next_head_in_one_packet(browser: Browser) -> None:
    size = HEAD_BYTES * 2
    head = b"POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
    browser.send(head + b"x" * size + GET[:10])
    await turns()
    browser.send(GET[10:])
    await browser.answered(200, 200)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /livez# HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/rooms?limit=1#top HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/livez#/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        upgrade(path="/ws#"),
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        upgrade(http="1.0"),
    ],
)
async def test_bad_requests(browser: Browser, request_: bytes) -> None:
    browser.send(request_)
    await browser.answered(400)
    await eventually(lambda: browser.transport.lost)
    assert not browser.state.connections


async def test_a_fragment_that_comes_in_pieces_is_seen(browser: Browser) -> None:
    for byte in b"GET /livez#top HTTP/1.1\r\nHost: localhost\r\n\r\n":
        browser.send(bytes([byte]))
    await browser.answered(400)


async def test_a_socket_that_is_handed_over_is_no_longer_watched(browser: Browser) -> None:
    turn(browser.node, 3)
    browser.send(upgrade())
    await browser.answered(101)
    browser.send(frame(TEXT, '{"op":"hello","n":1,"guest":"Mina"}'))
    await eventually(lambda: b'"token"' in browser.transport.sent)
    turn(browser.node, 40)
    assert not browser.transport.aborted


@pytest.mark.parametrize("head", [upgrade(path="//[x"), upgrade("Origin: http://["), upgrade(key=None)])
async def test_a_handshake_that_is_refused_leaves_nothing(browser: Browser, head: bytes) -> None:
    browser.send(head)
    await eventually(lambda: browser.transport.lost)
    assert browser.answers[0] in (400, 403, 404)
    assert (browser.node.admission.open, browser.state.connections) == (0, set())


# -- the edges of HTTP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"0\r\nX: ", b"1;x=", b"0\r\n"], ids=["a trailer", "an extension", "many trailers"])
async def test_behind_a_head_nothing_is_endless(browser: Browser, begun: bytes) -> None:
    browser.send(CHUNKED + begun)
    sent = 0
    while not browser.transport.closing:
        browser.send(b"X: y\r\n" * 100 if begun == b"0\r\n" else b"x" * 1000)
        await eventually(lambda: browser.transport.reading or browser.transport.closing)  # an address has its turns
        sent += 1
        assert sent < 50
    assert browser.answers[0] == 431


async def test_a_body_in_many_small_chunks_is_a_body(browser: Browser) -> None:
    for _ in range(20_000):
        browser.send(b"" if browser.transport.closing else b"1\r\nx\r\n" if browser.answers or _ else CHUNKED)
    browser.send(b"0\r\n\r\n")
    await browser.answered(200)
    assert b"/x:19999;" in browser.transport.sent


@pytest.mark.parametrize("bad", [b"\x16\x03\x01" + bytes(20), b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
async def test_what_is_no_http_has_the_one_error_shape(browser: Browser, bad: bytes) -> None:
    browser.send(bad)
    await browser.answered(400)
    assert b'{"error":{"code":"bad_http",' in browser.transport.sent
    assert browser.transport.closing


async def test_what_stands_behind_an_upgrade_is_not_lost(browser: Browser) -> None:
    browser.send(upgrade() + frame(TEXT, '{"op":"hello","n":1,"guest":"Mina"}'))
    await eventually(lambda: b'{"op":"ok","n":1' in browser.transport.sent)


async def test_what_stands_behind_a_refused_upgrade_is_not_looked_at(browser: Browser) -> None:
    browser.send(upgrade(path="/elsewhere") + frame(TEXT, "{") * 1000)
    await browser.answered(404)
    await eventually(lambda: browser.transport.lost)
