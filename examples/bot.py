"""An echo bot: answers every message that begins with "!echo". Run it with `python examples/bot.py [URL [ROOM]]`.

It may be stopped, started and cut off at any time: the cid of an answer is made from what it answers, so no message is
answered twice, not even by another run, as long as the bot comes back with its token (here: kept in bot.token).
"""

import asyncio
import sys
from pathlib import Path

from madang.client import MessageSent, Refused, Room, connect

TOKEN = Path("bot.token")


def who() -> dict[str, str]:
    return {"token": TOKEN.read_text()} if TOKEN.exists() else {"guest": "Echo"}


async def main(url: str = "ws://127.0.0.1:8400/ws", name: str = "lobby") -> None:
    async with connect(url, **who(), timeout=float("inf")) as client:
        await asyncio.to_thread(TOKEN.write_text, client.token)
        room = await client.join(name)
        for event in room.recent:  # what was said while the bot was not running
            await answer(room, event, client.user.id)
        async for event in room:
            await answer(room, event, client.user.id)


async def answer(room: Room, event: object, me: str) -> None:
    match event:
        case MessageSent(text=text, user=user, seq=seq) if user != me and text.startswith("!echo "):
            try:
                await room.send(text.removeprefix("!echo "), reply_to=seq, cid=f"echo-{seq}")
            except Refused as refused:  # nothing visible to echo, perhaps
                print(f"not answered: {refused}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
