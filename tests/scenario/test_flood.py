"""A flood slows only the flooder: he is told to wait, and in the end closed; his neighbour's sends are all taken."""

import asyncio
from pathlib import Path

from tests.running import running_server
from tests.scenario.crowd import person


async def test_the_flooder_waits_and_his_neighbour_does_not(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        neighbour, flooder = await person(server, "Neighbour"), await person(server, "Flooder")
        for i in range(150):
            await flooder.send(f"f-{i}")
        for i in range(10):
            await neighbour.send(f"n-{i}")
        await neighbour.hears(lambda: len(neighbour.acks) == 10)
        await flooder.hears(lambda: len(flooder.acks) + len(flooder.refusals) == 150)
        assert not neighbour.refusals
        assert flooder.acks, "the burst he is allowed"
        assert flooder.refusals and {r["code"] for r in flooder.refusals} == {"rate_limited"}
        assert all(r["retry_ms"] > 0 for r in flooder.refusals)
        sent = 0
        try:
            while not flooder.listening.done():
                await flooder.send(f"more-{sent}")
                sent += 1
                await asyncio.sleep(0)  # hear, too
        except Exception:  # closed under him
            pass
        assert await flooder.closed() == 4429
        await neighbour.send("last")
        await neighbour.hears(lambda: "last" in neighbour.acks)
