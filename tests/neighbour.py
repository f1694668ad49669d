"""The client next door: whatever bad clients do meanwhile, it still chats, and the log stays short."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.running import Server
from tests.waiting import PATIENCE_S
from tests.wire import TEXT, Raw, guest


async def chats(neighbour: Raw, n: int = 9) -> None:
    """Have a client that follows the lobby send, and see its own event come."""
    async with asyncio.timeout(PATIENCE_S):
        await neighbour.tell({"op": "send", "n": n, "room": "lobby", "cid": f"neighbour-{n}", "text": "still here"})
        seq = (await neighbour.answer(n))["seq"]
        while True:
            opcode, data = await neighbour.read()
            if opcode == TEXT and json.loads(data).get("seq") == seq:
                return


@asynccontextmanager
async def chatting(server: Server, clients: int = 1) -> AsyncIterator[None]:
    """Let bad clients loose while another one is connected; then it still chats, and nobody cost more than a log line."""
    before = server.log.read_text()
    async with guest(server.port, "Neighbour") as neighbour:
        yield
        await chats(neighbour)
    written = server.log.read_text()[len(before) :]
    assert "Traceback" not in written, written
    assert len(written.splitlines()) <= clients, written
