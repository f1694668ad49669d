"""Engine.IO: the situations of the public suite of the protocol, version 4, on our sessions."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from madang.config import Settings
from madang.core.bounds import MAX_FRAME
from madang.node.run import RunningNode, run_node
from madang.transports.http import schemas
from madang.transports.native.session import Session
from madang.transports.socketio.client import Client
from madang.transports.socketio.polling import Polling
from tests.http import http_client
from tests.integration.socketio.conftest import address, socketio_node
from tests.socketio import PATH, SEPARATOR, Poller, poller, query, visitor, websocket
from tests.waiting import eventually

PING = '420["ping"]'
WRONG = (
    "transport={0}",
    "EIO=abc&transport={0}",
    "EIO=3&transport={0}",
    "EIO=4",
    "EIO=4&transport=abc",
    "EIO=4&transport={0}&sid=nobody",
    "EIO=4&transport={0}&j=0",
)


# -- handshake ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("transport", "upgrades"), [("polling", ["websocket"]), ("websocket", [])])
async def test_a_session_begins(pinging_url: str, transport: str, upgrades: list[str]) -> None:
    if transport == "polling":
        async with poller(pinging_url) as client:
            said = client.handshake
    else:
        async with visitor(pinging_url) as socket:
            said = socket.handshake
    assert len(said.pop("sid")) == 22
    assert said == {"upgrades": upgrades, "pingInterval": 1000, "pingTimeout": 1000, "maxPayload": MAX_FRAME}


@pytest.mark.parametrize("asked", WRONG)
async def test_wrong_parameters_over_http(url: str, asked: str) -> None:
    async with http_client(url) as http:
        assert (await http.get(f"{PATH}?{asked.format('polling')}")).status_code == 400
        assert (await http.post(f"{PATH}?{asked.format('polling')}", content="2")).status_code == 400


@pytest.mark.parametrize("asked", WRONG)
async def test_wrong_parameters_of_a_websocket(url: str, asked: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await websocket(url, asked=f"{PATH}?{asked.format('websocket')}")
    assert refused.value.response.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_wrong_methods(url: str, method: str) -> None:
    async with http_client(url) as http:
        assert (await http.request(method, query("polling"))).status_code == 405
        assert (await http.post(query("polling"), content="2")).status_code == 400, "a session begins by GET"


async def test_a_head_request_begins_no_session_and_takes_nothing(node: RunningNode, url: str) -> None:
    async with poller(url, guest="Mina") as client:
        known = set(node.node.socketio.clients)
        assert (await client.http.head(query("polling"))).status_code == 400
        assert set(node.node.socketio.clients) == known
        assert (await client.post(PING)).text == "ok"
        assert (await client.http.head(query("polling", client.id))).status_code == 400
        assert (await client.until(lambda packet: packet.startswith("430[")))[-1].startswith("430[")


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_a_payload_of_one_packet_is_answered(url: str) -> None:
    async with poller(url, guest="Mina") as client:
        response = await client.post(PING)
        assert (response.status_code, response.text) == (200, "ok")
        assert response.headers["content-type"].startswith("text/")
        assert "at" in json.loads((await client.packets())[-1][len("430") :])[0]


async def test_a_payload_of_several_packets_is_answered_in_order(url: str) -> None:
    async with poller(url, guest="Mina") as client:
        await client.post(*(f'42{n}["ping"]' for n in range(5)))
        found = await client.until(lambda packet: packet.startswith("434["))
        assert [packet[:3] for packet in found if packet.startswith("43")] == ["430", "431", "432", "433", "434"]


async def test_attachments_by_polls_are_read_as_base64(url: str) -> None:
    async with poller(url, guest="Mina") as client:
        await client.post('451-7["ping",{"_placeholder":true,"num":0}]', "bAQIDBA==")
        found = await client.until(lambda packet: packet.startswith("437["))
        assert json.loads(found[-1][3:])[0]["error"]["code"] == "bad_field"


async def test_a_binary_message_is_an_attachment(url: str) -> None:
    async with visitor(url, guest="Mina") as socket:
        await socket.named("hello")
        await socket.send('451-7["ping",{"_placeholder":true,"num":0}]')
        await socket.send(b"\1\2\3\4")
        assert json.loads((await socket.packet())[3:])[0]["error"]["code"] == "bad_field"
        assert "at" in await socket.ask("ping"), "and the connection goes on"


@pytest.mark.parametrize("body", [b"abc", b"", b"7", b"4abc", b"\xff", b"2", b"0{}", b"5", b"b!!!", b"\x1e"])
async def test_what_is_no_payload_ends_a_session_that_polls(url: str, body: bytes) -> None:
    async with poller(url) as client:
        assert (await client.http.post(query("polling", client.id), content=body)).status_code == 400
        assert (await client.poll()).status_code == 400


@pytest.mark.parametrize("packet", ["abc", "", "7", "4abc", "2", "0{}", "5", "b!!!", "\uff14" + "0"])
async def test_what_is_no_packet_ends_a_websocket(url: str, packet: str) -> None:
    async with visitor(url) as socket:
        await socket.send(packet)
        assert await socket.ended() == []


async def test_two_polls_at_once_end_the_session(node: RunningNode, url: str) -> None:
    async with poller(url) as client:
        first = asyncio.create_task(client.poll())
        await eventually(lambda: _polling(node, client).polled)
        assert (await client.poll()).status_code == 400
        response = await first
        assert (response.status_code, response.text) == (200, "1")
        assert (await client.poll()).status_code == 400


async def test_two_posts_at_once_end_the_session(node: RunningNode, url: str) -> None:
    refused = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"3"
        await refused.wait()
        yield SEPARATOR.encode() + b"3"

    async with poller(url) as client:
        first = asyncio.create_task(client.http.post(query("polling", client.id), content=slowly()))
        await eventually(lambda: _polling(node, client).posting)
        assert (await client.post("3")).status_code == 400
        refused.set()
        await first
        assert (await client.poll()).status_code == 400


async def test_a_poll_that_is_given_up_ends_the_session(node: RunningNode, url: str) -> None:
    async with poller(url) as client:
        polling = asyncio.create_task(client.poll())
        await eventually(lambda: _polling(node, client).polled)
        polling.cancel()
        await eventually(lambda: client.id not in node.node.socketio.clients)
        assert (await client.post("3")).status_code == 400


async def test_a_poll_is_held_while_requests_run_short(
    node: RunningNode, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with poller(url, guest="Mina") as client, poller(url, guest="Mina") as other:
        paced: list[tuple[str, int]] = []

        def pace(address: str, clients: int, now: float) -> float:
            paced.append((address, clients))
            return 3600.0

        monkeypatch.setattr(node.node.arrivals, "pace", pace)
        polls = [asyncio.create_task(each.poll()) for each in (client, other)]
        for each in (client, other):
            await eventually(lambda each=each: _polling(node, each).polled)  # type: ignore[misc]
            assert (await each.post(PING)).text == "ok"
            assert not _polling(node, each).empty, "the answer waits"
        address, clients = paced[0]
        assert address == "127.0.0.1"
        assert clients >= 2
        async with websocket(url, client.id) as socket:
            await socket.send("2probe")
            assert (await polls[0]).text.startswith("430["), "an upgrade waits for nobody"
        assert (await other.post("1")).text == "ok"
        assert (await polls[1]).text == "6", "nor does the end"


def _polling(node: RunningNode, client: Poller) -> Polling:
    carrier = node.node.socketio.clients[client.id].carrier
    assert isinstance(carrier, Polling)
    return carrier


@pytest.mark.parametrize("patience_s", [0.05, 60.0], ids=["stalled", "cut-off"])
async def test_a_post_that_does_not_come_whole_ends_the_session(
    node: RunningNode, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, patience_s: float
) -> None:
    async with poller(url, guest="Mina") as client:
        monkeypatch.setattr(schemas, "BODY_S", patience_s)
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        try:
            head = f"POST {query('polling', client.id)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n42"
            writer.write(head.encode())
            if patience_s > 1:
                await eventually(lambda: _polling(node, client).posting)
                writer.transport.abort()
            else:
                assert (await reader.readline()).startswith(b"HTTP/1.1 400")
            await eventually(lambda: client.id not in node.node.socketio.clients)
        finally:
            writer.close()
        assert (await client.poll()).status_code == 400
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


# -- heartbeat ---------------------------------------------------------------------------------------------------------


async def test_pings_over_polls_are_answered(pinging_url: str) -> None:
    async with poller(pinging_url, guest="Mina") as client:
        for _ in range(3):
            assert await client.packets() == ["2"]
            assert (await client.post("3")).text == "ok"


async def test_a_session_whose_pings_are_not_answered_by_posts_ends(pinging_url: str) -> None:
    async with poller(pinging_url, guest="Mina") as client:
        while (response := await client.poll()).status_code == 200:
            pass
        assert response.status_code == 400


async def test_pings_over_a_websocket_are_answered(pinging_url: str) -> None:
    async with visitor(pinging_url, guest="Mina") as socket:
        await socket.named("hello")
        for _ in range(3):
            assert await socket.socket.recv() == "2"
            await socket.send("3")


async def test_a_websocket_whose_pings_are_not_answered_ends(pinging_url: str) -> None:
    async with visitor(pinging_url, guest="Mina") as socket:
        await socket.ended()


# -- the end -----------------------------------------------------------------------------------------------------------


async def test_a_session_that_polls_ends_by_its_packet(node: RunningNode, url: str) -> None:
    async with poller(url) as client:
        polling = asyncio.create_task(client.poll())
        await eventually(lambda: _polling(node, client).polled)
        assert (await client.post("1")).text == "ok"
        response = await polling
        assert (response.status_code, response.text) == (200, "6")
        assert (await client.poll()).status_code == 400


async def test_a_websocket_ends_by_its_packet(url: str) -> None:
    async with visitor(url) as socket:
        await socket.send("1")
        assert await socket.ended() == []


# -- upgrade -----------------------------------------------------------------------------------------------------------


async def test_an_upgrade(tmp_path: Path) -> None:
    async with (
        socketio_node(tmp_path) as node,
        poller(address(node), guest="Mina") as client,
        websocket(address(node), client.id) as socket,
    ):
        await socket.send("2probe")
        assert await socket.recv() == "3probe"
        assert await client.packets() == ["6"], "a poll ends at once, so that the client can let go"
        await socket.send("5")
        await socket.send(PING)
        assert str(await socket.recv()).startswith("430[")
        assert (await client.poll()).status_code == 400, "it polls no longer"
        assert (await client.post("3")).status_code == 400
        assert node.node.admission.open_by_address["127.0.0.1"] == 1, "it is one client"


async def test_what_no_poll_has_taken_comes_over_the_websocket(url: str) -> None:
    async with poller(url, guest="Mina") as client, websocket(url, client.id) as socket:
        await socket.send("2probe")
        assert await socket.recv() == "3probe"
        assert (await client.post(PING)).text == "ok"
        await socket.send("5")
        assert str(await socket.recv()).startswith("430[")


async def test_an_end_between_the_last_poll_and_the_upgrade_is_told(node: RunningNode, url: str) -> None:
    async with poller(url, guest="Mina") as client, websocket(url, client.id) as socket:
        await socket.send("2probe")
        assert await socket.recv() == "3probe"
        assert await client.packets() == ["6"]
        node.node.socketio.clients[client.id].close(4410, "access ended")
        await socket.send("5")
        assert await socket.recv() == "41"
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        await eventually(lambda: client.id not in node.node.socketio.clients)


async def test_a_second_websocket_is_refused(url: str) -> None:
    async with poller(url) as client, websocket(url, client.id) as socket:
        with pytest.raises(InvalidStatus):
            await websocket(url, client.id)
        await socket.send("2probe")
        assert await socket.recv() == "3probe"
        await socket.send("5")
        with pytest.raises(InvalidStatus):
            await websocket(url, client.id)
        await socket.send('40{"guest":"Mina"}')
        assert str(await socket.recv()).startswith("40{")
    async with visitor(url) as other:
        with pytest.raises(InvalidStatus):
            await websocket(url, other.handshake["sid"])


async def test_a_websocket_that_goes_before_the_upgrade_changes_nothing(url: str) -> None:
    async with poller(url, guest="Mina") as client:
        for packets in (["2probe"], [], ["5"], ["40"], ["2probe", "40"]):
            async with websocket(url, client.id) as socket:
                for packet in packets:
                    await socket.send(packet)
                if packets and packets[0] == "2probe":
                    assert await socket.recv() == "3probe"
                if packets and packets[-1] != "2probe":
                    with pytest.raises(ConnectionClosed):
                        while True:
                            await socket.recv()
            assert "at" in await client.ask("ping")


# -- what is left ------------------------------------------------------------------------------------------------------


async def test_nothing_is_left_of_clients_however_they_end(pinging: RunningNode, pinging_url: str) -> None:
    gc.collect()
    gc.disable()
    try:
        before = _clients()
        for _ in range(3):
            async with (
                visitor(pinging_url, guest="Mina") as mina,
                visitor(pinging_url, guest="Bora") as bora,
                poller(pinging_url, guest="Ara") as ara,
            ):
                for each in (mina, bora, ara):
                    assert "seq" in await each.ask("join", {"room": "lobby"})
                await bora.send("nonsense")
                await bora.ended()
                await ara.post("1")
            async with poller(pinging_url, guest="Mina") as eve, websocket(pinging_url, eve.id) as socket:
                await socket.send("2probe")
                assert await socket.recv() == "3probe"
                await socket.send("5")
            async with poller(pinging_url, guest="Mina"):
                pass  # it is never polled again
        await eventually(lambda: not pinging.node.socketio.clients)
        await eventually(lambda: _clients() <= before, "rings are left to the cycle collector")
    finally:
        gc.enable()
    assert pinging.node.admission.open == 0
    assert not pinging.node.admission.open_by_address
    assert pinging.node.hub.rooms["lobby"].sockets == 0
    assert pinging.node.memory.held["answers"] == 0


def _clients() -> int:
    return sum(type(each) in (Client, Polling, Session) for each in gc.get_objects())


async def test_sessions_that_nobody_polls_count_among_the_sockets_of_their_address(tmp_path: Path) -> None:
    async with run_node(Settings(port=0, admin_port=0, data=tmp_path, max_sockets_per_address=3)) as running:
        url = f"http://127.0.0.1:{running.port}"
        async with poller(url) as client, visitor(url):
            assert (await client.http.get(query("polling"))).status_code == 200
            refused = await client.http.get(query("polling"))
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
            await client.post("1")
            assert (await client.http.get(query("polling"))).status_code == 200


async def test_those_who_poll_are_told_of_a_restart(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with run_node(Settings(port=0, admin_port=0, data=tmp_path)) as running:
            client = await stack.enter_async_context(poller(f"http://127.0.0.1:{running.port}", guest="Mina"))
            polling = asyncio.create_task(client.poll())
            await eventually(lambda: _polling(running, client).polled)
        assert json.loads((await polling).text[2:])[0] == "bye"
