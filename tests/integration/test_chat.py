"""`madang chat` as people use it: in two terminals, with a server that goes away and comes back, and in a pipe."""

import asyncio
import json
import os
import pty
import re
import signal
import stat
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from madang.client import MessageSent, connect
from tests.forking import forked
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S

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


def at_home(server: Server) -> dict[str, str]:
    """Return where this test's users keep who they are."""
    return {"XDG_STATE_HOME": str(server.data / "home")}


@asynccontextmanager
async def screen(server: Server, name: str, language: str = "en_US.UTF-8") -> AsyncIterator[Screen]:
    here, there = pty.openpty()
    environment = {**os.environ, "LANG": language, "LC_ALL": "", "LC_MESSAGES": "", **at_home(server)}
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
        await mina.shows("not sent yet: said while away")
        await server.restart()
        await mina.shows("back, nothing missed")
        said, back = "Mina  said while away\r\n", "놓친 것은 없습니다"
        await bora.shows(f"(?s)({said}.*{back}|{back}.*{said})")  # whoever comes back first
        bora.type("/who\n")
        await bora.shows(r"지금 \d명")
        bora.type("/dance\n")
        await bora.shows("그런 명령이 없어 보내지 않았습니다: /dance")
        mina.type("/quit\n")
        bora.type("\x04")
        assert await mina.leaves() == 0 and await bora.leaves() == 0


async def test_what_was_typed_is_not_dropped_on_the_way_out(server: Server) -> None:
    async with screen(server, "Mina") as mina, screen(server, "Bora") as bora:
        for each in (mina, bora):
            await each.shows("You are in Lobby")
        await server.kill()
        for each, leave in (
            (mina, lambda: mina.type("/quit\n")),
            (bora, lambda: bora.process.send_signal(signal.SIGINT)),
        ):
            await each.shows("reconnecting")
            each.type("/who\n/history\none\ntwo\n")  # who asks without a server holds nothing up
            await each.shows("not sent yet: two")
            leave()
            await each.shows(r"2 not known to be stored:\r\n(.|\s)*not sent yet: one\r\n(.|\s)*not sent yet: two\r\n")
            assert await each.leaves() == 1


async def test_answers_edits_history_and_what_was_typed_before(server: Server) -> None:
    async with connect(server.direct_url, guest="Bora") as client:
        room = await client.join("lobby")
        sent = [await room.send(f"old {n}") for n in range(25)]
        async with screen(server, "Mina") as mina:
            await mina.shows(rf"#{sent[5].seq} Bora  old 5\r\n")  # the newest 20
            await mina.shows("You are in Lobby as Mina")
            mina.type("/history\n")
            await mina.shows(rf"#{sent[4].seq} Bora  old 4\r\n")
            await mina.shows("the beginning of the history")
            mina.type(f"/reply {sent[24].seq} yes\n")
            await mina.shows(rf"Mina  ↪ #{sent[24].seq} yes\r\n")
            mina.type("/edit no\n")
            await mina.shows("Mina  ✎ no\r\n")
            mina.type("\x1b[A\x1b[A\x1b[A\x1b[B\x7f\x7f\x7fwell\n")  # back to the answer, and changed
            await mina.shows(rf"Mina  ↪ #{sent[24].seq} well\r\n")
            mina.type("//quit is a command\n")
            await mina.shows("Mina  /quit is a command\r\n")
            for lacking in ("/reply", "/reply 3", "/reply to nobody", "/edit", "/edit 3"):
                mina.type(f"{lacking}\n")
                await mina.shows(rf"Not sent: {lacking} \(a number or a text is missing\)")
            mina.type(f"/edit {sent[0].seq} mine?\n")
            await mina.shows(rf"not sent: /edit {sent[0].seq} mine\?")
        newest = (await room.history(limit=3)).messages
    assert [(m.text, m.reply_to) for m in newest] == [
        ("no", sent[24].seq), ("well", sent[24].seq), ("/quit is a command", None),
    ]  # fmt: skip


async def test_a_name_is_the_same_user_again(server: Server) -> None:
    async def came_in() -> set[str]:
        async with connect(server.direct_url, guest="Reader") as client:
            return {m.user async for m in (await client.join("story")).messages()}

    for _ in range(2):
        assert (await pipe(server, "hello\n", "story", "--name", "Teller"))[0] == 0
    assert len(await came_in()) == 1
    assert (await pipe(server, "hello\n", "story", "--name", "Other"))[0] == 0
    assert len(await came_in()) == 2
    for file in (server.data / "home").rglob("*.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.write_text('{"token": "no token"}')
    status, _, error = await pipe(server, "hello\n", "story", "--name", "Teller")
    assert (status, "you are a new user of that name" in error) == (0, True)
    assert len(await came_in()) == 3


async def test_a_room_that_is_not_open_takes_an_invite(server: Server) -> None:
    async with connect(server.direct_url, guest="Bora") as client:
        await client.create("den", access="invite")
        invite = await (await client.join("den")).invite()
    assert (await pipe(server, "hello\n", "den", "--name", "Mina"))[0] == 1
    assert (await pipe(server, "hello\n", "den", "--name", "Mina", "--invite", str(invite)))[0] == 0


async def test_a_terminal_that_is_taken_away_ends_it(server: Server) -> None:
    async with screen(server, "Mina") as mina:
        await mina.shows("You are in Lobby as Mina")
        mina.hang_up()
        assert await mina.leaves() == 0


async def pipe(server: Server, text: str, *arguments: str, **variables: str) -> tuple[int, str, str]:
    words = ["chat", "--url", server.direct_url, *arguments]
    environment = {**os.environ, **at_home(server), **variables}
    into, end = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        process = await forked(words, environment, Path.cwd(), (into, out.fileno(), error.fileno()))
        os.close(into)
        os.write(end, text.encode())  # a pipe holds it
        os.close(end)
        async with asyncio.timeout(PATIENCE_S):
            status = await process.wait()
        out.seek(0)
        error.seek(0)
        return status, out.read().decode(), error.read().decode()


async def test_a_pipe_ends_when_all_is_stored(server: Server) -> None:
    lines = [f"줄 {i}" for i in range(5)]
    status, _, error = await pipe(server, "\n".join(lines), "story", "--name", "Teller")
    assert (status, error) == (0, "")
    async with connect(server.direct_url, guest="Reader") as client:
        room = await client.join("story")
        told = [e for e in room.recent if isinstance(e, MessageSent)]
        assert [(e.name, e.text) for e in told] == [("Teller", line) for line in lines]
        await room.send("[2Jboo \u202e")
    status, out, _ = await pipe(server, "", "story")
    assert [line.split("  ")[1] for line in out.splitlines()] == [*lines, "[2Jboo \ufffd"]


async def test_what_cannot_be_sent_is_said(server: Server) -> None:
    status, _, error = await pipe(server, "x" * 5000 + "\nfine\n", "lobby", "--name", "Teller")
    assert status == 1 and error.startswith("not sent: xxx")
    async with connect(server.direct_url, guest="Reader") as client:
        messages = [m.text async for m in (await client.join("lobby")).messages()]
    assert messages == ["fine"]


async def test_a_pipe_sends_every_line(server: Server) -> None:
    lines = ["one", "/etc/hosts is a file", "/quit", "//", "/help me", " indented ", "three"]
    status, _, error = await pipe(server, "\n".join(lines), "lobby", "--name", "Teller")
    assert (status, error) == (0, "")
    async with connect(server.direct_url, guest="Reader") as client:
        messages = [m.text async for m in (await client.join("lobby")).messages()]
    assert messages[::-1] == lines


async def test_a_pipe_says_what_is_not_stored_when_the_server_stays_away(server: Server) -> None:
    process = await asyncio.create_subprocess_exec(
        *CHAT, "lobby", "--url", server.direct_url, "--name", "Teller", "--timeout", "1",
        stdin=PIPE, stdout=PIPE, stderr=PIPE, env={**os.environ, **at_home(server)},
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stderr
    process.stdin.write(b"one\n")
    async with asyncio.timeout(PATIENCE_S):
        while b"Teller  one" not in await process.stdout.readline():
            pass
        await server.kill()
        process.stdin.write(b"two\nthree\n")
        process.stdin.close()
        error = (await process.stderr.read()).decode()
        assert await process.wait() == 1
    assert "reconnecting" in error
    assert "2 not known to be stored:\nnot sent yet: two\nnot sent yet: three\n" in error
    assert "Away for 1 s: Connection refused\n" in error


@pytest.mark.parametrize("proxied", [False, True])
async def test_this_machine_is_reached_through_no_proxy(proxied: bool, server: Server) -> None:
    names = ["http_proxy", "https_proxy", "ws_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"]
    nowhere = dict.fromkeys(names, "http://127.0.0.1:9") if proxied else {}
    for url in (f"http://localhost:{server.port}", f"http://127.0.0.1:{server.port}/", server.direct_url):
        status, _, error = await pipe(server, "hi", "lobby", "--url", url, "--timeout", "9", **nowhere)
        assert (status, error) == (0, "")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8400", "http://", "ws://127.0.0.1:port", "ws://[::1"])
async def test_what_is_no_url_is_refused_at_once(url: str, server: Server) -> None:
    status, out, error = await pipe(server, "hi", "lobby", "--url", url)
    assert (status, out) == (2, "")
    assert error.startswith(f"madang: {url!r} is not the URL of a server. Write ws://host:8400/ws")


async def test_a_server_that_does_not_answer_is_named_while_it_waits(server: Server) -> None:
    await server.kill()
    status, out, error = await pipe(server, "hi", "lobby", "--timeout", "0.5")
    assert (status, out) == (1, "")
    assert f"{server.direct_url} does not answer yet (Connection refused); " in error
    assert "waiting up to 0.5 s" in error
    assert f"madang: {server.direct_url}: Not reached within 0.5 s: Connection refused\n" in error


async def test_what_cannot_be_reached_is_a_sentence_and_a_hint(server: Server) -> None:
    admin = json.loads((server.data / "admin.json").read_text())["port"]
    for url, said in (
        (server.direct_url + "x", "There is no WebSocket at this path; the native protocol is at /ws."),
        (f"ws://127.0.0.1:{admin}/ws", "Nothing is served at this path. See /openapi.json."),
    ):
        status, out, error = await pipe(server, "", "lobby", "--url", url)
        assert (status, out) == (1, "")
        hint = "Is that the address of a Madang server? `madang serve` starts one."
        assert error == f"madang: {url}: HTTP 404: {said}\n{hint}\n"
