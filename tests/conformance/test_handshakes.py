"""The opening handshake on the wire, and what comes right behind it."""

import base64
import hashlib
from collections.abc import AsyncIterator

import pytest

from tests.conformance.cases import echo, pieces, slices
from tests.conformance.handshakes import OFFERS, REFUSED, TAKEN, Handshake, Offer
from tests.neighbour import chatting
from tests.running import Server, running_server
from tests.wire import CLOSE, PING, PONG, TEXT, close, dialled, frame, guest, upgrade, upgraded

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HELLO = frame(TEXT, '{"op":"hello","n":1,"guest":"Mina"}')


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("handshakes")
    async with running_server(folder, "--load-test", settings={"hosts": '["chat.example"]'}) as server:
        yield server


@pytest.fixture(scope="module")
async def compressing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("offers")
    async with running_server(folder, "--load-test", settings={"compression": "true"}) as server:
        yield server


def named(cases: list[Handshake]) -> list[object]:
    return [pytest.param(case, id=f"{case.section}-{case.what}") for case in cases]


@pytest.mark.parametrize("case", named(TAKEN))
async def test_a_sound_handshake_is_accepted(server: Server, case: Handshake) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(case.request)
        status = await raw.status()
        assert status in (case.status if isinstance(case.status, tuple) else (case.status,))
        if status == 101:
            lines = case.request.decode("latin-1").splitlines()
            key = next(line for line in lines if line.lower().startswith("sec-websocket-key")).partition(":")[2].strip()
            accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
            assert raw.headers["sec-websocket-accept"] == accept
            assert (raw.headers["upgrade"].lower(), raw.headers["connection"].lower()) == ("websocket", "upgrade")
            assert not {"sec-websocket-protocol", "sec-websocket-extensions"} & set(raw.headers)
            await raw.send(HELLO)
            assert (await raw.answer(1))["op"] == "ok"


@pytest.mark.parametrize("case", named(REFUSED))
async def test_an_unsound_handshake_is_refused(server: Server, case: Handshake) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(case.request)
        assert await raw.status() in (case.status if isinstance(case.status, tuple) else (case.status,))
        assert "sec-websocket-accept" not in raw.headers
        if case.section == "4.4":
            assert raw.headers["sec-websocket-version"] == "13"


@pytest.mark.parametrize("offer", [pytest.param(offer, id=offer.what) for offer in OFFERS])
async def test_offers_of_compression(compressing: Server, offer: Offer) -> None:  # RFC 7692, 7.1
    async with chatting(compressing), dialled(compressing.port) as raw:
        await raw.send(upgrade(*(f"Sec-WebSocket-Extensions: {value}" for value in offer.offers)))
        assert await raw.status() == 101
        assert raw.headers.get("sec-websocket-extensions", "") == offer.accepted
        await raw.send(HELLO)
        first, _ = await raw.whole_frame()
        assert bool(first & 0x40) is ("server_max_window_bits=12" in offer.accepted)


# -- what comes behind it ----------------------------------------------------------------------------------------------


async def test_frames_in_the_same_packet(server: Server) -> None:  # 4.1: only after the answer, but bytes are bytes
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(upgrade() + HELLO + frame(TEXT, echo(2)) + frame(PING, "x"))
        assert await raw.status() == 101
        assert [(await raw.answer())["n"] for _ in range(2)] == [1, 2]


async def test_byte_by_byte(server: Server) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(*slices(upgrade() + HELLO))
        assert await raw.status() == 101
        assert (await raw.answer(1))["op"] == "ok"


async def test_behind_a_request_of_the_same_connection(server: Server) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await raw.status() == 200
        assert b"live" in await raw.take(int(raw.headers["content-length"]))
        await raw.send(upgrade() + HELLO)
        assert await raw.status() == 101
        assert (await raw.answer(1))["op"] == "ok"


async def test_a_refused_handshake_ends_the_connection_or_takes_another(server: Server) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(upgrade(version="8"))
        assert await raw.status() in (400, 426)
        await raw.send(upgrade() + HELLO)  # whether it is read is the server's choice; it must not hang


# -- how it ends -------------------------------------------------------------------------------------------------------


async def test_the_server_ends_the_stream_first(server: Server) -> None:  # 7.1.1
    async with chatting(server), guest(server.port) as raw:
        await raw.send(close(1000))
        assert await raw.closed() == 1000
        assert await raw.ended() == b""


async def test_the_answer_to_a_close_carries_code_and_reason(server: Server) -> None:  # 5.5.1
    async with chatting(server), guest(server.port, rooms=()) as raw:
        await raw.send(frame(CLOSE, b"\x0f\xa0so long"))
        assert await raw.read() == (CLOSE, b"\x0f\xa0so long")


async def test_who_hangs_up_without_a_close_is_let_go(server: Server) -> None:  # 7.1.5: 1006 for us
    async with chatting(server), guest(server.port) as raw:
        raw.hang_up()
        await raw.ended()


async def test_who_hangs_up_amid_a_frame_is_let_go(server: Server) -> None:
    async with chatting(server), guest(server.port) as raw:
        await raw.send(frame(TEXT, echo(2))[:10])
        raw.hang_up()
        await raw.ended()


async def test_who_hangs_up_right_behind_commands_is_still_answered(server: Server) -> None:  # half-open
    async with chatting(server), upgraded(server.port) as raw:
        await raw.send(HELLO + frame(TEXT, echo(2)) + close(1000))
        raw.hang_up()
        assert [(await raw.answer())["n"] for _ in range(2)] == [1, 2]
        assert await raw.closed() == 1000


async def test_a_pong_comes_before_the_message_that_its_ping_cut_in_two(server: Server) -> None:  # 5.5.2: soon
    async with chatting(server), guest(server.port, rooms=()) as raw:
        first, second = pieces(echo(2), 10)
        await raw.send(first + frame(PING, "now") + second)
        assert await raw.read() == (PONG, b"now")
        assert (await raw.answer(2))["op"] == "ok"
