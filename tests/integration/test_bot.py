"""`examples/bot.py` is killed again and again: what it is asked meanwhile is answered, all of it, once and in order."""

import asyncio
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

from madang.client import MessageSent, Room, connect
from tests.running import Server, running_server

BOT = Path(__file__).resolve().parents[2] / "examples/bot.py"
PATIENCE_S = 120.0


async def started(server: Server, folder: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(BOT), server.direct_url, "parrots", cwd=folder, stdout=DEVNULL
    )


async def killed(bot: Process) -> None:
    bot.kill()
    await bot.wait()


async def answers(room: Room, count: int) -> list[str]:
    """Return the texts of others' messages, as they arrive."""
    found: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        async for event in room:
            if isinstance(event, MessageSent) and event.name == "Echo":
                found.append(event.text or "")
                if len(found) == count:
                    return found
    raise AssertionError("the room ended")


async def test_a_bot_that_is_killed_answers_all_and_nothing_twice(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with running_server(tmp_path, "--load-test") as server, connect(server.direct_url, guest="Mina") as mina:
        await mina.create("parrots")
        room = await mina.join("parrots")
        bot = await started(server, tmp_path)
        while not (tmp_path / "bot.json").exists():
            await asyncio.sleep(0.02)
        heard = asyncio.create_task(answers(room, 120))
        for n in range(120):
            await room.send(f"!echo {n}")
            if n % 20 == 10:
                await asyncio.sleep(dice.random() * 0.2)  # so that it is killed at any moment of its work
                await killed(bot)
            if n % 20 == 15:
                bot = await started(server, tmp_path)
        assert await heard == [str(n) for n in range(120)]

        await killed(bot)  # and now more is said than a resume brings: it has to read it
        async with asyncio.TaskGroup() as tasks:
            for n in range(1_100):
                tasks.create_task(room.send(f"!echo more {n}" if n % 50 == 0 else f"chatter {n}"))
        heard = asyncio.create_task(answers(room, 22))
        bot = await started(server, tmp_path)
        await asyncio.sleep(dice.random())
        await killed(bot)
        bot = await started(server, tmp_path)
        assert await heard == [f"more {50 * n}" for n in range(22)]
        await room.send("!echo last")
        assert await answers(room, 1) == ["last"]
        await killed(bot)
        said = [m.text async for m in room.messages() if m.name == "Echo"][::-1]
        assert said == [*map(str, range(120)), *(f"more {50 * n}" for n in range(22)), "last"]
