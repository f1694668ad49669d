"""`madang bench` as people meet it: what it measures, what it refuses, and what it leaves behind."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running import madang, running_server
from tests.waiting import PATIENCE_S

SMALL = ("--sockets", "12", "--rate", "1200", "--seconds", "0.5")


async def measured(*arguments: str, status: int = 0) -> dict[str, dict[str, Any]]:
    done = await madang("bench", "--json", *arguments)
    assert done.status == status, done.err
    return {run["workload"]: run for run in json.loads(done.out)}


async def test_every_workload_on_a_server_that_runs_already(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server:
        runs = await measured("--url", server.direct_url, *SMALL)
    assert list(runs) == ["quiet-room", "hot-room", "small-rooms", "idle", "reconnect", "users"]
    for run in runs.values():
        assert run["complete"], run
    for name in ("quiet-room", "hot-room"):
        assert (runs[name]["sent"], runs[name]["deliveries"]) == (600, 600 * 12)
    assert (runs["small-rooms"]["rooms"], runs["small-rooms"]["deliveries"]) == (6, 1200)
    assert runs["users"]["deliveries"] == 12 * 12 * 80
    assert (runs["reconnect"]["back"]["count"], runs["reconnect"]["deliveries"]) == (11, 11 * 12)
    assert "kb_per_socket" not in runs["idle"], "the memory of a server that is not ours is not seen"


async def test_a_server_of_its_own_is_watched_and_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = await madang("bench", "hot-room", *SMALL, "--plot", str(tmp_path / "drawn.png"))
    assert done.status == 0, done.err
    assert "server: CPU µs per delivery" in done.out
    assert "hot-room: all delivered" in done.out
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("madang-bench-*"))


async def test_a_server_under_its_limits_is_told_from_a_slow_one(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        done = await madang("bench", "hot-room", "--url", server.direct_url, *SMALL)
        assert (done.status, done.out) == (1, "")
        assert "madang serve --load-test" in done.err
        done = await madang("bench", "users", "--url", server.direct_url, "--sockets", "4", "--rate", "400")  # 100 each
        assert (done.status, done.out) == (1, "")
        assert "madang serve --load-test" in done.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--url", "ws://192.0.2.1/ws"], 2, "--yes-this-is-mine"),
        (["--url", "http://127.0.0.1/ws"], 2, "ws://127.0.0.1:8400/ws"),
        (["--url", "ws://127.0.0.1:1/ws", "idle"], 1, "does not answer"),
        (["lukewarm-room"], 2, "quiet-room"),
        (["--sockets", "1000000"], 2, "20000"),
    ],
)
async def test_what_cannot_be_measured(arguments: list[str], status: int, said: str) -> None:
    done = await madang("bench", *arguments)
    assert done.status == status
    assert said in done.err


async def test_ctrl_c_ends_it_and_its_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "madang", "bench", "users", stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        while not list(tmp_path.glob("madang-bench-*/admin.json")):  # the server is up
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert "stopped" in err.decode() and "Traceback" not in err.decode()
    assert not list(tmp_path.glob("madang-bench-*"))
