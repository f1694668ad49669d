"""F5 and F11 at their hardest: the power fails right after the first ack on an empty disk, and a disk that is really full."""

import asyncio
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from madang_proof.faults.probe import Refusal, probing
from madang_proof.testbed import shim_undo
from madang_proof.testbed.server import Server
from madang_proof.testbed.shim import Shim
from tests.disks import mounted_disk
from tests.scenario.faults.needs import need


class EverythingLost(random.Random):
    """Dice by which nothing unsynced stays."""

    def choice(self, options: object) -> object:  # type: ignore[override]
        return options[0]  # type: ignore[index]


@pytest.mark.parametrize("orderly", [False, pytest.param(True, marks=pytest.mark.slow)])
async def test_the_first_ack_of_all_survives_the_power(tmp_path: Path, orderly: bool) -> None:
    """Files too whose names no folder had been made to keep; and then a start on a full disk, which is refused."""
    await need("power")
    data = tmp_path / "data"
    data.mkdir()
    shim = await asyncio.to_thread(Shim, tmp_path / "shim", data / "madang.db")
    server = Server(data)
    server.environment |= await shim.environment()
    try:
        await server.start()
        async with probing(server) as probe:
            ack = await probe.send("first", "hello")
            await (server.stop() if orderly else server.kill())
            await asyncio.to_thread(shim_undo.power_cut, shim, EverythingLost())
            shim.set_room(0, copying=True)
            with pytest.raises(RuntimeError, match=r"The database.s disk is full.*Free some space"):
                await server.start()
            shim.calm()
            await server.start()
            assert await probe.surely_send("first", "hello") == {**ack, "duplicate": True}
            assert [(m["seq"], m["text"]) for m in await probe.history()] == [(ack["seq"], "hello")]
    finally:
        await server.close()
        shim.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB."""
    with mounted_disk(tmp_path, 12) as disk:
        yield disk


@pytest.mark.slow
async def test_a_disk_that_is_really_full(small_disk: Path, tmp_path: Path) -> None:
    """What the shim plays, on a file system: five write until it is full, and on when there is room again."""
    server = Server(small_disk / "data", arguments=("--load-test",), log=tmp_path / "log")
    server.data.mkdir()
    ballast = small_disk / "ballast"
    try:
        await server.start()
        for _ in range(3):
            async with probing(server) as probe:
                acked: list[int] = []
                refused: set[str] = set()

                async def talk(who: int) -> None:
                    for n in range(3000):
                        try:
                            acked.append((await probe.send(f"{who}-{n}", "x" * 3000))["seq"])  # noqa: B023
                        except Refusal as refusal:
                            refused.add(refusal.code)  # noqa: B023
                            return

                free = os.statvfs(small_disk)
                ballast.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 1_000_000)))
                await asyncio.gather(*(talk(who) for who in range(5)))
                assert refused == {"storage_full"}
                assert [m["seq"] for m in await probe.history()] == sorted(acked)[-200:], "reading goes on"
                ballast.unlink()
                again = await probe.surely_send("again", "room again")
                assert again["seq"] == max(acked) + 1, "what was refused has left a gap"
        assert server.running
    finally:
        await server.close()
