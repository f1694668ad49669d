"""`examples/support`: a crowd of customers and agents comes to the desk at once, and every agent is in every conversation."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from httpx2 import Response

from tests.http import http_client
from tests.rest import rest
from tests.running import madang, running_server

DESK = Path(__file__).resolve().parents[2] / "examples/support"
PATIENCE_S = 60.0
AGENTS, CUSTOMERS = 3, 7
"""How many agents, and customers after each."""
AT_ONCE = 6
"""So that each is at another step when the next one comes."""


async def test_a_crowd_at_the_desk_finds_every_agent_in_its_rooms(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server, asyncio.timeout(PATIENCE_S):
        key = (
            await madang("key", "create", "Support", "--scope", "rooms", "--scope", "users", "--data", tmp_path)
        ).out.strip()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "uvicorn", "desk:app", "--port", "0"),
            cwd=DESK, env={**os.environ, "MADANG_URL": server.url, "MADANG_KEY": key}, stderr=PIPE,
        )  # fmt: skip
        try:
            assert process.stderr is not None
            while b"running on" not in (line := await process.stderr.readline()):
                assert line, "the desk has ended"
            url = line.decode().split("running on ")[1].split()[0]
            paths = [path for _ in range(AGENTS) for path in ["/agent", *["/customer"] * CUSTOMERS]]
            at_once = asyncio.Semaphore(AT_ONCE)
            async with http_client(url) as crowd:

                async def comes(path: str, name: str) -> Response:
                    async with at_once:
                        return await crowd.post(path, json={"name": name})

                came = await asyncio.gather(*(comes(path, f"N{n}") for n, path in enumerate(paths)))
            assert {response.status_code for response in came} == {200}
            async with rest(server.url) as anyone:
                operator = anyone.server((await madang("key", "create", "Reader", "--data", tmp_path)).out.strip())
                for room in [response.json()["room"] for response in came if response.json()]:
                    members = (await operator.ok("GET", f"/api/rooms/{room}/members"))["members"]
                    assert sum(member["role"] == "moderator" for member in members) == AGENTS, room
        finally:
            process.terminate()
            await process.wait()
