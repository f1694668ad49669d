"""Every snippet of docs/guides/python.md and every program in examples/ does what it says, against a real server."""

import ast
import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from inspect import iscoroutine
from pathlib import Path
from typing import Any

import pytest

import madang.client
from madang.client import Client, MessageSent, connect
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/guides/python.md").read_text("utf-8")
SNIPPETS = [(m[1].strip(), PAGE[: m.start()].count("\n") + 2) for m in re.finditer(r"```python\n(.*?)```", PAGE, re.S)]
PROGRAMS = [code for code, _ in SNIPPETS if "asyncio.run(" in code]


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("data"), "--load-test") as server:
        yield server


@asynccontextmanager
async def lively(client: Client, room: str) -> AsyncIterator[None]:
    """Have somebody else talk, type and read in a room meanwhile."""
    other = await client.join(room)

    async def live() -> None:
        while True:
            sent = await other.send("I am here, too")
            await other.edit(sent.seq, "I am here as well")
            other.typing()
            await other.read(sent.seq)
            await asyncio.sleep(0.02)

    living = asyncio.create_task(live())
    try:
        yield
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


@pytest.mark.parametrize(
    ("code", "line"), [s for s in SNIPPETS if s[0] not in PROGRAMS], ids=[f"line {s[1]}" for s in SNIPPETS[1:]]
)
async def test_snippets_run(
    server: Server, code: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    compiled = compile(
        "\n" * line + code, "docs/guides/python.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
    )
    async with (
        connect(server.direct_url, guest="Mina") as client,
        connect(server.direct_url, guest="Bora") as bora,
        asyncio.timeout(PATIENCE_S),
    ):
        await client.create(f"line-{line}")
        room = await client.join(f"line-{line}")
        async with lively(bora, room.id):
            names: dict[str, Any] = {"asyncio": asyncio, "connect": connect, "server_url": server.direct_url}
            running = eval(compiled, {**names, "client": client, "room": room})
            assert iscoroutine(running)
            await running


async def run(tmp_path: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=tmp_path, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(PATIENCE_S):
        out, error = await process.communicate()
    assert (process.returncode, error.decode()) == (0, "")
    return out.decode()


async def test_the_first_program_runs_as_it_stands(server: Server, tmp_path: Path) -> None:
    (program,) = PROGRAMS
    assert "ws://127.0.0.1:8400/ws" in program
    out = await run(tmp_path, "-c", program.replace("ws://127.0.0.1:8400/ws", server.direct_url))
    assert out == "Mina: Hello, everybody\n"


async def test_hello(server: Server, tmp_path: Path) -> None:
    out = await run(tmp_path, str(ROOT / "examples/hello.py"), server.direct_url)
    assert re.search(r"Mina: Hello, everybody   \(stored, number \d+ of this room\)\n$", out)


async def test_the_bot_answers_once_over_any_number_of_runs(server: Server, tmp_path: Path) -> None:
    async with connect(server.direct_url, guest="Mina") as client, asyncio.timeout(PATIENCE_S):
        await client.create("parrots")
        room = await client.join("parrots")
        asked = [await room.send("!echo one")]
        answers = []
        for _ in range(2):
            bot = await asyncio.create_subprocess_exec(
                sys.executable, str(ROOT / "examples/bot.py"), server.direct_url, "parrots", cwd=tmp_path, stdout=PIPE
            )
            asked.append(await room.send("!echo more"))
            async for event in room:
                if isinstance(event, MessageSent) and event.name == "Echo":
                    answers.append((event.reply_to, event.text))
                    if event.reply_to == asked[-1].seq:
                        break
            bot.kill()
            await bot.communicate()
        texts = ["one", "more", "more"]
        assert answers == [(sent.seq, text) for sent, text in zip(asked, texts, strict=True)]


def test_the_page_names_what_there_is() -> None:
    """Every public name is on the page, and every method that it calls exists."""
    quoted = {name for name in madang.client.__all__ if re.search(rf"\b{name}\b", PAGE)}
    silent = {
        "Event",
        "Found",
        "FoundMessage",
        "History",
        "Limited",
        "MadangError",
        "Member",
        "Membership",
        "Notice",
        "OnlineCount",
        "Present",
    }
    silent |= {"OpenPaper", "PaperInfo", "Papers", "Shown"}
    silent |= {"Room", "Sent", "ServerInfo", "State", "UserInfo", "Client"}  # made by calls, seldom named
    assert set(madang.client.__all__) - quoted <= silent
    for owner, method in re.findall(r"\b(room|client)\.(\w+)\(", PAGE):
        assert hasattr({"room": madang.client.Room, "client": Client}[owner], method), f"{owner}.{method}"
