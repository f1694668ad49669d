"""Kill -9 while two write: all that one of them has seen of the other is there afterwards, with nobody left."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from tests.rest import rest
from tests.running import running_server
from tests.yjs import Writer, writer

ROUNDS = 3


async def _types(mina: Writer, letters: str) -> None:
    """Type until the connection breaks."""
    try:
        for n in range(100_000):
            await mina.say(letters[n % len(letters)])
            await asyncio.sleep(0.001)
    except ConnectionClosed:
        return


async def test_what_was_seen_survives_kill_9(tmp_path: Path) -> None:
    dice = random.Random(15)
    async with running_server(tmp_path, "--load-test") as server:
        async with rest(server.url) as anyone:
            mina, bora = await anyone.guest("Mina", "lobby"), await anyone.guest("Bora", "lobby")
            await mina.ok("POST", "/api/rooms/lobby/papers", {"id": "card", "title": "Card"})
        seen = ""
        for _ in range(ROUNDS):
            async with AsyncExitStack() as stack:
                types, reads = [
                    await writer(stack.enter_async_context, server.url, "card", who.token) for who in (mina, bora)
                ]
                assert str(reads.text).startswith(seen)
                typing = asyncio.create_task(_types(types, "가나다😀"))
                enough = len(str(reads.text)) + dice.randrange(5, 60)
                await reads.until(lambda: len(str(reads.text)) >= enough)  # noqa: B023  # awaited in this round
                await server.kill()
                try:
                    while True:
                        await reads.read()
                except ConnectionClosed:
                    pass
                await typing
                seen = str(reads.text)
            await server.restart()
        async with AsyncExitStack() as stack:
            after = await writer(stack.enter_async_context, server.url, "card", bora.token)
            assert str(after.text).startswith(seen)
