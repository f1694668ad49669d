"""A stream whose reader is gone without a word, neither FIN nor RST: in a network namespace whose cable is pulled. Needs root and `ip`."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang_proof.faults.watcher import until
from tests.rest import rest
from tests.running import running_server
from tests.scenario.fleet.two_nodes import metric

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("curl"), reason="needs root, ip and curl"
    ),
]


async def ip(*words: str) -> None:
    process = await asyncio.create_subprocess_exec("ip", *words, stderr=asyncio.subprocess.PIPE)
    _, error = await process.communicate()
    assert process.returncode == 0, (words, error.decode())


@asynccontextmanager
async def namespace() -> AsyncIterator[tuple[str, str]]:
    """Return the name of a namespace, and our address as it is seen there."""
    name, net = f"mdg{secrets.token_hex(3)}", f"10.232.{secrets.randbelow(250)}"
    await ip("netns", "add", name)
    try:
        await ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        await ip("addr", "add", f"{net}.1/24", "dev", name)
        await ip("link", "set", name, "up")
        await ip("-n", name, "addr", "add", f"{net}.2/24", "dev", "eth0")
        await ip("-n", name, "link", "set", "eth0", "up")
        yield name, f"{net}.1"
    finally:
        await ip("netns", "delete", name)  # and the cable with it


async def test_a_stream_whose_reader_is_gone_without_a_word_is_let_go_of(tmp_path: Path) -> None:
    """In a quiet room, too: what is not acknowledged is the comments that show that the stream lives."""
    settings = {"host": "0.0.0.0", "ping_s": "2"}
    async with (
        namespace() as (name, here),
        running_server(tmp_path, settings=settings) as server,
        rest(server.url) as anyone,
    ):
        mina, bora = await anyone.guest("Mina", "lobby"), await anyone.guest("Bora", "lobby")
        curl = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", name, "curl", "-sN", "-H", f"Authorization: Bearer {mina.token}",
            f"http://{here}:{server.port}/api/rooms/lobby/events", stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert curl.stdout is not None

        async def are(count: int) -> bool:
            online = (await bora.ok("GET", "/api/rooms/lobby/presence"))["users"]
            return len(online) == await metric(server, "madang_streams") == count

        try:
            assert await curl.stdout.readline()
            await until(lambda: are(1), "a stream and its reader's presence", 15)
            await ip("-n", name, "link", "set", "eth0", "down")
            await until(lambda: are(0), "the end of both", 90)
        finally:
            curl.kill()
            await curl.wait()
