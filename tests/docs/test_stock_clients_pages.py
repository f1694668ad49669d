"""The programs of docs/guides/papers.md and docs/guides/socketio.md, run as they stand there, with the stock clients that they name."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.daemons import missing
from tests.rest import rest, server_key
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
PAPERS = (ROOT / "docs/guides/papers.md").read_text()
SOCKETIO = (ROOT / "docs/guides/socketio.md").read_text()
NODE = ROOT / ".venv/lib/nodejs/bin/node"
MODULES = ROOT / "node_modules"

pytestmark = pytest.mark.skipif(
    not (NODE.exists() and (MODULES / "socket.io-client").exists()), reason="scripts/npm installs the clients"
)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@asynccontextmanager
async def program(server: Server, folder: Path, code: str, name: str, **env: str) -> AsyncIterator[Process]:
    """Run a program of a page against a server, in a folder where its packages are installed."""
    if not (modules := folder / "node_modules").exists():
        modules.symlink_to(MODULES)
    (folder / name).write_text(code.replace("localhost:8400", f"127.0.0.1:{server.port}"))
    interpreter = sys.executable if name.endswith(".py") else NODE
    process = await asyncio.create_subprocess_exec(
        interpreter, name, cwd=folder, env=os.environ | {"PYTHONUNBUFFERED": "1"} | env, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def prints(process: Process, line: str) -> None:
    """Read until a program prints a line."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while (found := (await process.stdout.readline()).decode()) != f"{line}\n":
            assert found, f"it has ended without {line!r}"


async def shell(server: Server, folder: Path, commands: str, **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", commands.replace("localhost:8400", f"127.0.0.1:{server.port}"),
        cwd=folder, env=os.environ | env, stdout=PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, server.log.read_text()
    return out.decode()


async def test_a_paper_is_made_written_by_two_finished_and_read(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        missing("curl is not installed; run scripts/install-servers as root (apt-get install curl)")
    make, _, finish, read, version, search = blocks(PAPERS, "sh")
    (code,) = blocks(PAPERS, "js")
    async with running_server(tmp_path) as server:
        *made, token = (await shell(server, tmp_path, f"{make}\necho; echo $TOKEN")).split()
        assert '"id":"card"' in "".join(made)
        async with program(server, tmp_path, code, "write.mjs", TOKEN=token) as one:
            await prints(one, "생일 축하해! ")
            async with program(server, tmp_path, code, "write.mjs", TOKEN=token):
                await prints(one, "생일 축하해! 생일 축하해! ")
        assert '"finished":true' in await shell(server, tmp_path, finish, TOKEN=token)
        assert await shell(server, tmp_path, read, TOKEN=token) == "생일 축하해! 생일 축하해! "
        listed = await shell(server, tmp_path, version, TOKEN=token)
        assert '"cause":"finish"' in listed and listed.count('"title":"Before the party"') == 2
        assert '"paper":"card"' in await shell(server, tmp_path, search, TOKEN=token)


def after(language: str, what: str) -> str:
    """Return the program that docs/guides/socketio.md has in place of another."""
    (found,) = [code for code in blocks(SOCKETIO, language) if re.match(rf"(//|#) after: {what}\n", code)]
    return found


async def test_what_takes_the_place_of_a_socketio_server(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        key = await server_key(server)
        token = (await anyone.guest("Mina")).token
        async with program(server, tmp_path, after("js", "the client"), "client.mjs", TOKEN=token) as mina:
            await prints(mina, "Mina Hello")
            async with program(server, tmp_path, after("js", "the backend"), "backend.mjs", KEY=key) as backend:
                await prints(backend, "Mina")
                assert await backend.wait() == 0
            await prints(mina, "My shop We close in an hour")


async def test_what_takes_the_place_of_django_channels(tmp_path: Path) -> None:
    used = """
from types import SimpleNamespace
print(token_for(SimpleNamespace(pk=17, get_username=lambda: "Sora")))
print(tell("lobby", "Paid", "order-17")["seq"] == tell("lobby", "Paid", "order-17")["seq"])
"""
    async with running_server(tmp_path) as server:
        key = await server_key(server)
        async with program(server, tmp_path, after("python", r"chat\.py") + used, "chat.py", KEY=key) as views:
            assert views.stdout is not None
            token = (await views.stdout.readline()).decode().strip()
            await prints(views, "True")
        async with program(server, tmp_path, after("js", "the client"), "client.mjs", TOKEN=token) as sora:
            await prints(sora, "Sora Hello")


async def test_stock_socketio_clients_talk(tmp_path: Path) -> None:
    script, python = blocks(SOCKETIO, "js")[0], blocks(SOCKETIO, "python")[0]
    async with running_server(tmp_path) as server, program(server, tmp_path, script, "talk.mjs") as mina:
        await prints(mina, "member.joined Mina ")
        assert mina.stdin is not None
        async with program(server, tmp_path, python, "talk.py") as bora:
            await prints(mina, "message.sent Bora Hello")
            await prints(bora, "Bora Hello")
            mina.stdin.write("안녕\n".encode())
            await prints(mina, "message.sent Mina 안녕")
            await prints(bora, "Mina 안녕")
