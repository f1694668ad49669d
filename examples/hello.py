"""Say hello in the lobby, and show what was said there before. Run it with `python examples/hello.py [URL]`."""

import asyncio
import sys

from madang.client import connect, printable


async def main(url: str) -> None:
    async with connect(url, guest="Mina") as client:
        room = await client.join("lobby")
        for message in (await room.history(limit=10)).messages:
            print(printable(f"{message.name}: {message.text}"))
        sent = await room.send("Hello, everybody")
        print(f"{client.user.name}: Hello, everybody   ({sent.ack}, number {sent.seq} of this room)")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8400/ws"))
