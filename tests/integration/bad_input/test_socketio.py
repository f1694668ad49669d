"""Packets of Socket.IO and Engine.IO that the protocols do not allow: the connection ends, and nobody else notices."""

import json

import pytest

from tests.integration.bad_input.advisories import advisories
from tests.neighbour import chatting
from tests.running import Server
from tests.socketio import poller, query, visitor

CRAFTED = (
    "45-", '451000-["x"]', '42{"toString":1}', '451-["x",{"_placeholder":true,"num":1}]', '451-["x",{"_placeholder":true,"num":"length"}]',
    "42[]", "42", '42["x"', "4" + "5" * 300, "42" + "[" * 30_000,
)  # fmt: skip


async def _ends(server: Server, *packets: str | bytes) -> int | None:
    async with chatting(server), visitor(server.url, guest="Mina") as socket:
        await socket.named("hello")
        for packet in packets:
            await socket.send(packet)
        assert await socket.ended() == []
        return socket.socket.close_code


@advisories("CVE-2024-38355")
@pytest.mark.parametrize("packet", CRAFTED)
async def test_crafted_packets(server: Server, advisory: str, packet: str) -> None:
    assert await _ends(server, packet) == 1002


@advisories("CVE-2023-32695")
@pytest.mark.parametrize("name", ["{}", "7", "null", "[]", '{"toString":"x"}', '{"length":1}'])
async def test_names_of_events_that_are_not_strings(server: Server, advisory: str, name: str) -> None:
    assert await _ends(server, f"42[{name}]") == 1002


async def test_attachments_without_measure(server: Server) -> None:
    assert await _ends(server, '4511-["x"]') == 1002
    assert await _ends(server, '4510-["x"]', *[b"x" * 60_000] * 10) == 1002


async def test_names_that_objects_have(server: Server) -> None:
    async with chatting(server), visitor(server.url, guest="Mina") as socket:
        for name in ("__proto__", "constructor", "disconnect"):
            assert (await socket.ask(name, {}))["error"]["code"] == "unknown_op"


async def test_payloads_without_measure(server: Server) -> None:
    async with chatting(server):
        async with poller(server.url) as client:
            assert (await client.http.post(query("polling", client.id), content=b"4" * 100_000)).status_code == 413
        for body in ("1:2" * 20_000, "\x1e".join(["2"] * 30_000)):
            async with poller(server.url) as client:
                response = await client.http.post(query("polling", client.id), content=body)
                assert response.status_code == 400
                assert json.loads(response.text)["error"]["code"] == "bad_field"
                assert (await client.poll()).status_code == 400
