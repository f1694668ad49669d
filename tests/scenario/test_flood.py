"""A flooder harms himself: he is told to wait, and closed in the end; the others do not notice."""

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any

from tests.running import running_server
from tests.waiting import eventually
from tests.wire import CLOSE, TEXT, Raw, frame, guest


async def flood(raw: Raw) -> tuple[list[dict[str, Any]], int]:
    """Send as fast as it goes until the server has enough; gives what was answered, and the close code."""
    answers: list[dict[str, Any]] = []
    code = 0

    async def listen() -> None:
        nonlocal code
        try:
            while not code:
                opcode, data = await raw.read()
                if opcode == TEXT:
                    answers.append(json.loads(data))
                elif opcode == CLOSE:
                    code = int.from_bytes(data[:2], "big")
        except (asyncio.IncompleteReadError, ConnectionError):
            code = 1006

    async def send() -> None:
        for n in itertools.count(100):
            if code:
                return
            command = {"op": "send", "n": n, "room": "lobby", "cid": f"f-{n}", "text": "buy this"}
            await raw.send(frame(TEXT, json.dumps(command)))
            await asyncio.sleep(0)

    await asyncio.gather(listen(), send())
    return answers, code


async def test_a_flooder_beside_normal_users(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        flooding: list[tuple[list[dict[str, Any]], int]] = []

        async def flooder() -> None:
            for _ in range(3):  # he comes back
                async with guest(server.port, "Flooder") as raw:
                    flooding.append(await flood(raw))

        async def normal(n: int) -> list[dict[str, Any]]:
            acks = []
            async with guest(server.port, f"Normal {n}") as raw:
                for m in range(100, 120):
                    command = {"op": "send", "n": m, "room": "lobby", "cid": f"n{n}-{m}", "text": "a normal word"}
                    acks.append(await raw.ask(**command))
                    await asyncio.sleep(0.11)  # below the rate of a user
            return acks

        _, *talks = await asyncio.gather(flooder(), *(normal(n) for n in range(5)))
        for acks in talks:
            assert [a["op"] for a in acks] == ["ok"] * 20, "every word of a normal user is taken"
        for answers, code in flooding:
            refused = [a for a in answers if a["op"] == "error"]
            assert {a["code"] for a in refused} == {"rate_limited"}
            assert all(a["retry_ms"] > 0 for a in refused)
            assert code == 4429
            assert sum(a["op"] == "ok" and a.get("n", 0) >= 100 for a in answers) <= 60, (
                "he got his burst, and not much more"
            )


async def test_who_waits_as_told_gets_everything_through(tmp_path: Path) -> None:
    async with running_server(tmp_path, settings={"user_rate": "50", "user_burst": "5"}) as server:
        async with guest(server.port) as raw:
            for m in range(60):
                for attempt in range(10):
                    n = 100 + m * 10 + attempt
                    answer = await raw.ask(op="send", n=n, room="lobby", cid=f"c-{m}", text=f"{m}")
                    if answer["op"] == "ok":
                        break
                    await asyncio.sleep(answer["retry_ms"] / 1000)
                else:
                    raise AssertionError("waiting as told did not help")
        assert await eventually(server.log)
