"""`madang serve` as people and scripts meet it: what it prints, what it refuses, how it ends."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from madang.cli import admin_client, serve
from madang.cli.signals import STOP_SIGNALS, stop_signals
from madang.config import Settings
from madang.node.run import RunningNode
from madang_proof.testbed.server import STOP_SECONDS
from tests.rest import rest
from tests.running import Server, madang, running_server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running_server(tmp_path) as server:
        yield server


async def test_serve_says_where_it_is_and_what_it_stored(server: Server) -> None:
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "hello"})
    assert await server.stop() == 0
    log = server.log.read_text()
    assert f"Madang is open at http://127.0.0.1:{server.port}/\n" in log
    assert f"madang chat lobby --url ws://127.0.0.1:{server.port}/ws" in log
    assert str(server.data) in log
    assert "Stopped. 3 events were stored since the start.\n" in log  # the lobby, a member, a message
    assert "alembic" not in log
    assert "uvicorn" not in log
    assert mina.token not in log


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        (["--config", "missing.toml"], {}, "missing.toml cannot be read: No such file or directory. Name another file"),
        (["--port", "99999"], {}, "madang: The setting port must be 65535 or less, not 99999. Correct --port.\n"),
        (
            ["--log-level", "loud"],
            {},
            "log_level must be debug, info, warning or error, not 'loud'. Correct --log-level.",
        ),
        (
            [],
            {"MADANG_MAX_TEXT": "many"},
            "The setting max_text must be a whole number, not 'many'. Correct MADANG_MAX_TEXT.",
        ),
        (["--port", "many"], {}, "Invalid value for '--port': it must be a whole number, not 'many'."),
        (["--host", "not a host"], {}, "Cannot listen on"),
        (["--database", "oracle://x"], {}, "does not know the database"),
        (["--data", "/dev/null/x"], {}, "cannot be made"),
        (
            ["--database", "postgresql://mina:p@ss@127.0.0.1/madang"],
            {},
            "Write an @ in a user's name or password as %40",
        ),
    ],
)
async def test_serve_does_not_start(arguments: list[str], settings: dict[str, str], says: str, tmp_path: Path) -> None:
    done = await madang("serve", "--data", tmp_path, "--port", "0", "--admin-port", "0", *arguments, **settings)
    assert (done.status, done.out) == (2, "")
    assert says in done.err


@pytest.mark.parametrize(
    "hosts", [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost"), ("127.0.0.1", "0.0.0.0"), ("::1", "[::]")]
)
async def test_both_listeners_do_not_share_a_port(hosts: tuple[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host, admin_host = hosts
    variables = {"MADANG_ADMIN_HOST": admin_host, "MADANG_ADMIN_PORT": str(port)}
    done = await madang("serve", "--data", tmp_path / "data", "--host", host, "--port", str(port), **variables)
    assert (done.status, done.out) == (2, "")
    assert f"Both listeners are at port {port}" in done.err


@pytest.mark.parametrize("host", ["::1", "[::1]", "::"])
async def test_an_ipv6_address_is_taken_and_printed_with_brackets(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ports = []

    @contextmanager
    def ending(settings: Settings, node: RunningNode) -> Iterator[None]:
        ports.extend([node.port, node.admin_port])
        node.failed.set()
        yield

    monkeypatch.setattr(admin_client, "announced", ending)
    admin_host = "::1" if host == "::" else host
    await serve.serve_until_stopped(Settings(host=host, admin_host=admin_host, port=0, admin_port=0, data=tmp_path))
    told = capsys.readouterr().out
    assert f"Madang is open at http://[::1]:{ports[0]}/" in told
    assert f"Admin  http://[::1]:{ports[1]}/" in told
    assert f"--url ws://[::1]:{ports[0]}/ws" in told


async def test_a_closed_terminal_stops_it_as_sigterm_does(server: Server) -> None:
    os.kill(server.pid, signal.SIGHUP)
    assert await server.ended(STOP_SECONDS) == 0
    assert "Stopped." in server.log.read_text()


async def test_under_nohup_it_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_signals(asyncio.Event()):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_serve_does_not_share_its_data(server: Server) -> None:
    done = await madang("serve", "--data", server.data, "--port", "0", "--admin-port", "0")
    assert done.status == 2
    assert "Another process is using" in done.err


async def test_serve_warns_of_what_is_unsafe(tmp_path: Path) -> None:
    unsafe = {"host": "0.0.0.0", "origins": '["*"]', "user_rate": "0", "prot": "9000"}
    async with running_server(tmp_path, settings=unsafe) as server:
        log = server.log.read_text()
    for word in ("without TLS", 'origins is "*"', "user_rate", "MADANG_PROT is not a setting"):
        assert word in log
    (folder := tmp_path / "second").mkdir()
    async with running_server(folder, "--load-test") as server:
        assert "LOAD TEST" in server.log.read_text()


async def test_serve_fails_when_a_part_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def failing(settings: Settings, node: RunningNode) -> Iterator[None]:
        node.failed.set()
        yield

    monkeypatch.setattr(admin_client, "announced", failing)
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    assert await serve.serve_until_stopped(Settings(port=0, admin_port=0, data=tmp_path)) == 1
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


async def test_the_log_for_machines(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test", settings={"log_format": "json"}) as server:
        await server.stop()
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert [line["level"] for line in lines] == ["warning", "info"]
    for line in lines:
        assert {"event", "level", "logger", "timestamp"} <= set(line)
