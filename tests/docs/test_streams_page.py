"""The programs of docs/guides/streams.md, run as they stand there; the one for browsers is in `browser/test_streams.py`."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

from tests.daemons import missing
from tests.http import http_client
from tests.rest import rest, server_key
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

PAGE = (Path(__file__).resolve().parents[2] / "docs/guides/streams.md").read_text()


def blocks(language: str) -> list[str]:
    return [str(code) for code in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]


def program(code: str) -> str:
    return code.replace("import httpx\n", "import httpx2 as httpx\n")  # its API is the same


async def start(server: Server, *command: str, **env: str) -> Process:
    here = [word.replace("localhost:8400", f"127.0.0.1:{server.port}") for word in command]
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | env
    return await asyncio.create_subprocess_exec(*here, env=environment, stdout=PIPE)


async def shows(process: Process, text: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while text not in (line := (await process.stdout.readline()).decode()):
            assert line, f"it has ended without {text!r}"


async def test_the_shell_shows_what_happens(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl is not installed; run scripts/install-servers as root (apt-get install curl)")
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        shell = await start(server, "bash", "-euo", "pipefail", "-c", blocks("sh")[0])
        await shows(shell, "event: start")
        await shows(shell, "event: member.joined")
        bora = await anyone.guest("Bora", "lobby")
        await bora.ok("POST", "/api/rooms/lobby/messages", {"text": "hello"})
        await shows(shell, '"text":"hello"')
        await server.stop()
        await shows(shell, "event: bye")
        assert await asyncio.wait_for(shell.wait(), PATIENCE_S) == 0


async def test_the_python_program_goes_on_over_a_restart(tmp_path: Path) -> None:
    code = program(blocks("python")[0])
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        mina, bora = await anyone.guest("Mina", "lobby"), await anyone.guest("Bora", "lobby")
        reader = await start(server, sys.executable, "-c", code, TOKEN=mina.token)
        try:
            following = False
            while not following:  # it begins with what is new
                await bora.ok("POST", "/api/rooms/lobby/messages", {"text": "one"})
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await shows(reader, "Bora one")
                    following = True
            await server.kill()
            await server.restart()
            await bora.ok("POST", "/api/rooms/lobby/messages", {"text": "two"})
            await shows(reader, "Bora two")
        finally:
            reader.kill()
            await reader.communicate()


async def test_the_backend_misses_nothing_while_it_is_away(tmp_path: Path) -> None:
    code = program(blocks("python")[1])
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        key, bora = await server_key(server), await anyone.guest("Bora", "lobby")
        await anyone.server(key).ok("PUT", "/api/consumers/search")
        for text in ("one", "two"):
            await bora.ok("POST", "/api/rooms/lobby/messages", {"text": text})
            backend = await start(server, sys.executable, "-c", code, KEY=key)
            try:
                await shows(backend, f"lobby message.sent {text}")
            finally:
                backend.kill()
                await backend.communicate()


async def test_the_backend_goes_on_past_the_window_of_one_room(tmp_path: Path) -> None:
    """It acknowledges by the number of events, and by the clock, while no line comes that would wake it."""
    code = program(blocks("python")[1])
    async with running_server(tmp_path, "--load-test", settings={"ping_s": "60"}) as server, rest(server.url) as anyone:
        key = await server_key(server)
        shop = anyone.server(key)
        await shop.ok("PUT", "/api/consumers/search", {"begin": "start"})
        room = (await shop.ok("POST", "/api/rooms", {}))["id"]
        said = [{"room": room, "text": f"text {n}", "as": {"id": "shop-1", "name": "Shop"}} for n in range(1_500)]
        for at in range(0, len(said), 500):
            await shop.ok("POST", "/api/publish", {"messages": said[at : at + 500]})
        backend = await start(server, sys.executable, "-c", code, KEY=key)
        try:
            async with asyncio.timeout(PATIENCE_S / 2):  # before a heartbeat
                await shows(backend, f"{room} message.sent text 1499")
                async with http_client(server.admin_url) as admin:
                    while "\nmadang_consumer_unacked 0.0\n" not in (await admin.get("/metrics")).text:
                        await asyncio.sleep(0.1)
        finally:
            backend.kill()
            await backend.communicate()
