"""F33 and F34 on a real network: a client in a network namespace of its own, and a packet filter that drops.

Needs root, `ip` and `nft` (Debian: iproute2, nftables); what TCP makes of lost packets no proxy can show.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang_proof.faults.probe import probing
from madang_proof.faults.slow import Reader
from madang_proof.faults.watcher import Watcher, until, watching
from madang_proof.testbed.testbed import Testbed, run_testbed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"),
        reason="needs root, ip and nft",
    ),
]
SAID = 200


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, error = await process.communicate()
    assert process.returncode == 0, (command, error.decode())


class Net:
    """A namespace with one cable to here, and a filter on this end of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.outside = f"10.231.{secrets.randbelow(250)}.1"

    async def drop(self, way: str, what: str = "") -> None:
        """Drop what comes out of the namespace (`input`) or goes into it (`output`), all or `what` matches."""
        cable = "iifname" if way == "input" else "oifname"
        await run("nft", "add", "table", "inet", self.name)
        hook = f"{{ type filter hook {way} priority 0 ; }}"
        await run("nft", "add", "chain", "inet", self.name, way, hook)
        await run("nft", "add", "rule", "inet", self.name, way, cable, self.name, *what.split(), "drop")

    async def heal(self) -> None:
        await run("nft", "delete", "table", "inet", self.name)


@asynccontextmanager
async def net() -> AsyncIterator[Net]:
    made = Net(f"mdg{secrets.token_hex(3)}")
    name, inside = made.name, made.outside[:-1] + "2"
    await run("ip", "netns", "add", name)
    try:
        await run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        await run("ip", "addr", "add", f"{made.outside}/24", "dev", name)
        await run("ip", "link", "set", name, "up")
        await run("ip", "-n", name, "addr", "add", f"{inside}/24", "dev", "eth0")
        await run("ip", "-n", name, "link", "set", "eth0", "up")
        yield made
    finally:
        await run("nft", "add", "table", "inet", name)  # so that there is one to delete
        await made.heal()
        await run("ip", "netns", "delete", name)  # and the cable with it


@asynccontextmanager
async def reading(testbed: Testbed, there: Net) -> AsyncIterator[tuple[Reader, Watcher]]:
    """A reader in the namespace, and somebody here who talks in its room."""
    server = testbed.server
    async with (
        probing(server) as probe,
        probing(server, probe.room) as friend,
        watching(friend, server.direct_url) as talker,
    ):
        url = f"ws://{there.outside}:{server.port}/ws"
        reader = await Reader.start(url, probe, "ip", "netns", "exec", there.name)
        try:
            yield reader, talker
        finally:
            await reader.end()


SETTINGS = {"host": "0.0.0.0", "ping_s": "2", "user_rate": "0"}


@pytest.mark.parametrize("way", ["input", "output"])
async def test_one_way_goes_dead(tmp_path: Path, way: str) -> None:
    async with (
        net() as there,
        run_testbed(tmp_path, settings=SETTINGS) as testbed,
        reading(testbed, there) as (reader, talker),
    ):
        await talker.send_acked(5, "before")
        await reader.reaches(talker.position)
        await until(lambda: online(talker, 2), "presence of both", 15)
        await there.drop(way)
        await until(lambda: online(talker, 1), "an end of presence of those who are cut off", 15)
        await talker.send_acked(5, "meanwhile")
        await there.heal()
        await until(lambda: reader.position >= talker.position or reader.gap, "what was missed", 60)
        assert reader.gap is None
        await until(lambda: online(talker, 2), "presence of both", 15)


async def online(asking: Watcher, count: int) -> bool:
    return bool((await asking.ask("presence", room=asking.room))["count"] == count)


async def test_every_tenth_packet_is_lost(tmp_path: Path) -> None:
    async with (
        net() as there,
        run_testbed(tmp_path, settings=SETTINGS) as testbed,
        reading(testbed, there) as (reader, talker),
    ):
        for way in ("input", "output"):
            await there.drop(way, "numgen random mod 100 < 10")
        await talker.send_acked(SAID, "lossy")
        await until(lambda: reader.position >= talker.position or reader.gap, "everything, by and by", 120)
        assert reader.gap is None
