"""However a connection ends, reference counts alone free it: the cycle collector is switched off, and nothing is left.

A ring would wait for the collector, which comes rarely, with a connection in it: a storm of reconnects would cost memory.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from madang.transports.websocket import connection
from tests.waiting import eventually
from tests.wire import CLOSE, TEXT, close, dialled, frame, guest, upgrade, upgraded

TIMES = 5
OURS = (
    "madang.delivery.",
    "madang.errors",
    "madang.services.",
    "madang.transports.",
    "uvicorn.protocols.",
    "websockets.",
)
BY_THE_SECOND = "madang.transports.admin.operation."  # what the operator's page shows: one a second, 900 at most
PER_CONNECTION = ("TCPTransport", "PseudoSocket", "TimerHandle")
LIVE_REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
Way = Callable[[RunningNode], Awaitable[object]]
WAYS: dict[str, Way] = {}


def way(call: Way) -> Way:
    WAYS[call.__name__] = call
    return call


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RunningNode]:
    async with run_node(Settings(port=0, admin_port=0, data=tmp_path, load_test=True)) as node:
        yield node


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def census() -> Counter[str]:
    """Count what connections are made of, by type: our own objects, the libraries', the loop's, and what errors hold."""
    kinds = (type(thing) for thing in gc.get_objects())
    named = ((str(kind.__module__), kind.__name__) for kind in kinds)
    counted = Counter(f"{m}.{n}" for m, n in named if m.startswith(OURS) or n in (*PER_CONNECTION, "traceback"))
    return Counter({name: count for name, count in counted.items() if not name.startswith(BY_THE_SECOND)})


# -- WebSockets --------------------------------------------------------------------------------------------------------


@way
async def the_client_closes(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(close(1000))
        assert await raw.closed() == 1000


@way
async def the_stream_ends(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        raw.hang_up()
        await raw.ended()


@way
async def the_line_is_cut(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        raw.reset()


@way
async def within_a_frame(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(frame(TEXT, '{"op":"ping","n":7}')[:9])
        raw.reset()


@way
async def within_a_message(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(frame(TEXT, '{"op":', fin=False))
        raw.reset()


@way
async def a_frame_breaks_the_rules(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(b"\xff" * 20)
        assert await raw.closed() == 1002


@way
async def a_frame_is_too_large(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(frame(TEXT, "x" * 70_000))
        assert await raw.closed() == 1009


@way
async def a_frame_is_not_utf_8(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(b"\x81\x84\0\0\0\0\xff\xff\xff\xff")
        assert await raw.closed() == 1007


@way
async def the_close_frame_is_bad(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(frame(CLOSE, b"\x00"))
        assert await raw.closed() == 1002


@way
async def only_bad_requests_come(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.send(frame(TEXT, "[]") * 25)
        assert await raw.closed() == 4400


@way
async def the_token_is_bad(node: RunningNode) -> None:
    async with upgraded(node.port) as raw:
        await raw.tell({"op": "hello", "n": 1, "token": "x"})
        assert await raw.closed() == 4401


@way
async def no_hello_comes(node: RunningNode) -> None:
    async with upgraded(node.port) as raw:
        await turned(node, 15)
        assert await raw.closed() == 4408


@way
async def pings_are_not_answered(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await turned(node, 80)
        await raw.closed()


@way
async def it_does_not_read(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        raw.stop_reading()
        (mine,) = node.node.hub.rooms["lobby"].subscriptions()
        while not mine.subscriber.paused:
            mine.subscriber.send(frame(TEXT, "x" * 60_000, mask=False))
            await asyncio.sleep(0)
        await turned(node, 40)


@way
async def commands_are_refused(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        refused: list[tuple[str, dict[str, Any]]] = [
            ("join", {"room": "nowhere"}),
            ("create", {"room": "lobby"}),
            ("kick", {"room": "lobby", "user": "nobody"}),
            ("history", {"room": "lobby", "before": 1, "after": 1}),
            ("edit", {"room": "lobby", "seq": 1, "text": "x"}),
            ("leave", {"room": "nowhere"}),
        ]
        for n, (op, more) in enumerate(refused):
            assert (await raw.ask(op=op, n=10 + n, **more))["op"] == "error"
        raw.reset()


@way
async def while_answers_are_made(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.tell(*({"op": "history", "n": n, "room": "lobby"} for n in range(10, 40)))
        raw.reset()


@way
async def while_messages_are_stored(node: RunningNode) -> None:
    async with guest(node.port) as raw:
        await raw.tell(*({"op": "send", "n": n, "room": "lobby", "cid": f"c{n}", "text": "x"} for n in range(10, 40)))
        raw.reset()
    await eventually(lambda: not node.node.appender.waiting)


@way
async def the_handshake_has_no_key(node: RunningNode) -> None:
    async with dialled(node.port) as raw:
        await raw.send(upgrade(key=None))
        assert await raw.status() == 400
        await raw.ended()


@way
async def nothing_is_at_the_path(node: RunningNode) -> None:
    async with dialled(node.port) as raw:
        await raw.send(upgrade(path="/nowhere"))
        assert await raw.status() == 404
        await raw.ended()


@way
async def the_origin_is_foreign(node: RunningNode) -> None:
    async with dialled(node.port) as raw:
        await raw.send(upgrade("Origin: https://evil.example"))
        assert await raw.status() == 403
        await raw.ended()


@way
async def before_hello(node: RunningNode) -> None:
    async with upgraded(node.port) as raw:
        raw.reset()


# -- HTTP --------------------------------------------------------------------------------------------------------------


def http(name: str, *sent: bytes, answered: bool = True) -> None:
    """A way: send this over HTTP, perhaps see an answer, and cut the line."""

    async def ends(node: RunningNode) -> None:
        async with dialled(node.port) as raw:
            await raw.send(*sent)
            if answered:
                await raw.status()
            raw.reset()

    WAYS[name] = ends


POST = b"POST /api/guests HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
http("kept_alive", LIVE_REQUEST)
http("pipelined", LIVE_REQUEST * 20)
http("asked_to_close", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
http("refused_over_http", b"GET /api/me HTTP/1.1\r\nHost: localhost\r\n\r\n")
http("a_bad_parameter", b"GET /api/rooms?limit=x HTTP/1.1\r\nHost: localhost\r\n\r\n")
http("a_body", POST + b'Content-Length: 15\r\n\r\n{"name":"Mina"}')
http("half_a_body", POST + b"Content-Length: 15\r\n\r\n{", answered=False)
http("a_body_behind_its_answer", LIVE_REQUEST[:-2] + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
http("no_http", b"\x16\x03\x01\x00\r\n\r\n")
http("half_a_head", b"GET / HTTP/1.1\r\nX: ", answered=False)
http("a_large_head", b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)
http("nothing", answered=False)


# -- the proof ---------------------------------------------------------------------------------------------------------


async def turned(node: RunningNode, seconds: int) -> None:
    """Let time pass, as the timing wheel counts it."""
    for _ in range(seconds):
        node.node.wheel.turn()
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", WAYS)
async def test_nothing_is_left(
    node: RunningNode, name: str, uncollected: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SLOW_S", 0.0)
    for _ in range(2):  # what a first one starts is started
        await WAYS[name](node)
    await eventually(lambda: not node.node.admission.open and node.node.hub.presence.idle)
    gc.collect()
    before = census()
    for _ in range(TIMES):
        await WAYS[name](node)

    def left() -> dict[str, int]:
        return {kind: n for kind, n in (census() - before).items() if n >= TIMES - 1}

    await eventually(lambda: not left() or None, f"left: {left()}")


async def test_nothing_is_left_of_those_whom_a_stop_ends(tmp_path: Path, uncollected: None) -> None:
    gc.collect()
    before = census()
    async with AsyncExitStack() as guests:
        async with run_node(Settings(port=0, admin_port=0, data=tmp_path, load_test=True)) as node:
            raws = [await guests.enter_async_context(guest(node.port)) for _ in range(TIMES)]
            ends = [asyncio.ensure_future(raw.closed()) for raw in raws]
        assert await asyncio.gather(*ends) == [1012] * TIMES
    kinds = ("madang.transports.native.session.Session", "madang.transports.websocket.handshake.WebSocketProtocol")
    await eventually(lambda: all(census()[kind] <= before[kind] for kind in kinds))
