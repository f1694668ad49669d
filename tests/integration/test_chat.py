"""`madang chat` as people use it: in two terminals, with a server that goes away and comes back, and in a pipe."""

import asyncio
import os
import pty
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from madang.client import MessageSent, connect
from tests.running import Server, running_server

PATIENCE_S = 30.0
CHAT = [sys.executable, "-m", "madang", "chat"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running_server(tmp_path) as server:
        yield server


class Screen:
    """A `madang chat` with a terminal of its own."""

    def __init__(self, process: Process, terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self._said = b""
        self._past = 0
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(terminal, self._read)

    def hang_up(self) -> None:
        """Take the terminal away, as closing its window does."""
        asyncio.get_running_loop().remove_reader(self._terminal)
        os.close(self._terminal)

    def _read(self) -> None:
        try:
            self._said += os.read(self._terminal, 65536)
        except OSError:  # it has left
            asyncio.get_running_loop().remove_reader(self._terminal)
        self._more.set()

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    async def shows(self, pattern: str) -> None:
        """Wait until something is told that was not asked for before."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (found := re.search(pattern, self._plain())):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{pattern!r} is not in {self._plain()!r}") from None
        self._past += found.end()

    def _plain(self) -> str:
        """What has come since it was last asked for, without colours."""
        return re.sub(r"\x1b\[\d+m", "", self._said.decode(errors="replace"))[self._past :]

    async def leaves(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@asynccontextmanager
async def screen(server: Server, name: str, language: str = "en_US.UTF-8") -> AsyncIterator[Screen]:
    here, there = pty.openpty()
    environment = {**os.environ, "LANG": language, "LC_ALL": "", "LC_MESSAGES": ""}
    process = await asyncio.create_subprocess_exec(
        *CHAT, "lobby", "--url", server.direct_url, "--name", name,
        stdin=there, stdout=there, stderr=there, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(there)
    screen = Screen(process, here)
    try:
        yield screen
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        with suppress(OSError):
            screen.hang_up()


async def test_two_terminals_talk_over_a_killed_server(server: Server) -> None:
    async with screen(server, "Mina") as mina, screen(server, "보라", "ko_KR.UTF-8") as bora:
        await mina.shows("You are in Lobby as Mina")
        await bora.shows("보라 이름으로 Lobby 방에 들어왔습니다")
        bora.type("half a li")
        await bora.shows("half a li")
        mina.type("안녕하\x7f, 보라\n")
        await bora.shows("Mina  안녕, 보라\r\n")
        await bora.shows("> half a li")  # what is being typed is whole again
        bora.type("ne\n")
        await mina.shows("보라  half a line\r\n")
        await server.kill()
        await mina.shows("reconnecting")
        mina.type("said while away\n")
        await server.restart()
        await mina.shows("back, nothing missed")
        said, back = "Mina  said while away\r\n", "놓친 것은 없습니다"
        await bora.shows(f"(?s)({said}.*{back}|{back}.*{said})")  # whoever comes back first
        bora.type("/who\n")
        await bora.shows(r"지금 \d명")
        bora.type("/dance\n")
        await bora.shows("/dance 명령은 없습니다")
        mina.type("/quit\n")
        bora.type("\x04")
        assert await mina.leaves() == 0 and await bora.leaves() == 0


async def test_a_terminal_that_is_taken_away_ends_it(server: Server) -> None:
    async with screen(server, "Mina") as mina:
        await mina.shows("You are in Lobby as Mina")
        mina.hang_up()
        assert await mina.leaves() == 0


async def pipe(server: Server, text: str, *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *CHAT, "--url", server.direct_url, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        out, error = await process.communicate(text.encode())
    return process.returncode, out.decode(), error.decode()


async def test_a_pipe_ends_when_all_is_stored(server: Server) -> None:
    lines = [f"줄 {i}" for i in range(5)]
    status, _, error = await pipe(server, "\n".join(lines), "story", "--name", "Teller")
    assert (status, error) == (0, "")
    async with connect(server.direct_url, guest="Reader") as client:
        room = await client.join("story")
        told = [e for e in room.recent if isinstance(e, MessageSent)]
        assert [(e.name, e.text) for e in told] == [("Teller", line) for line in lines]
        await room.send("\x1b[2Jboo")
    status, out, _ = await pipe(server, "", "story")
    assert [line.split("  ")[1] for line in out.splitlines()] == [*lines, "\ufffd[2Jboo"]


async def test_what_cannot_be_sent_is_said(server: Server) -> None:
    status, _, error = await pipe(server, "x" * 5000 + "\nfine\n", "lobby", "--name", "Teller")
    assert status == 1 and error.startswith("not sent: xxx")
    async with connect(server.direct_url, guest="Reader") as client:
        messages = [m.text async for m in (await client.join("lobby")).messages()]
    assert messages == ["fine"]


async def test_what_cannot_be_reached_is_a_sentence_and_a_hint(server: Server) -> None:
    status, out, error = await pipe(server, "", "lobby", "--url", server.direct_url + "x")
    assert (status, out) == (1, "")
    assert re.fullmatch(r"madang: HTTP 404: .*\nIs there a server at ws://.*\n", error)
