"""Compression, where it is on: bombs before hello, and offers that cannot be (rows 10, 11)."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.bad_input.advisories import advisories
from tests.integration.bad_input.handshakes import OFFERS
from tests.neighbour import chatting
from tests.running import Server, running_server
from tests.wire import CONTINUATION, TEXT, dialled, frame, upgrade, upgraded


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("compressing"), settings={"compression": "true"}) as server:
        yield server


def bomb(inflated: int) -> bytes:
    """Compress that many zeros."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -12)
    return (squeeze.compress(bytes(inflated)) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]


@advisories("CVE-2026-27571", "CVE-2018-1000518")
async def test_compression_bombs(server: Server, advisory: str) -> None:  # row 10
    data = bomb(60 * 2**20)
    assert len(data) < 65_536
    half = len(data) // 2
    whole = frame(TEXT, data, rsv=4)
    torn = frame(TEXT, data[:half], rsv=4, fin=False) + frame(CONTINUATION, data[half:])

    async def throw(what: bytes) -> int:
        async with upgraded(server.port, "Sec-WebSocket-Extensions: permessage-deflate") as raw:
            await raw.send(what)
            return await raw.closed()

    before = memory(server.pid)
    async with chatting(server, 20):
        assert set(await asyncio.gather(*(throw(what) for what in [whole, torn] * 10))) == {1009}
    assert memory(server.pid) - before < 16 * 2**20


async def test_odd_offers_of_compression(server: Server) -> None:  # row 11
    for offer in OFFERS:
        async with chatting(server), dialled(server.port) as raw:
            await raw.send(upgrade(f"Sec-WebSocket-Extensions: {offer}"))
            assert await raw.status() == 101


def memory(pid: int) -> int:
    """Bytes resident."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024
