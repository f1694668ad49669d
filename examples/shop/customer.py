"""A customer without a browser: signs in at the shop, orders, and talks with the support until the end of input.

Run it with `python customer.py NUMBER ITEM`.
"""

import asyncio
import os
import sys

import httpx2

from madang.client import MessageSent, Room, connect, printable


async def main(number: str, item: str) -> None:
    async with httpx2.AsyncClient(base_url=os.environ.get("SHOP_URL", "http://127.0.0.1:8000")) as shop:
        (await shop.post("/sign-in", json={"number": number})).raise_for_status()
        order = (await shop.post("/orders", json={"item": item})).json()

        async def token() -> str:  # the client asks again before it ends
            return (await shop.get("/chat-token")).json()["token"]

        async with connect(os.environ.get("MADANG_URL", "http://127.0.0.1:8400"), get_token=token) as client:
            room = await client.join(order["room"])
            async with asyncio.TaskGroup() as tasks:
                listening = tasks.create_task(listen(room))
                while line := await asyncio.to_thread(sys.stdin.readline):
                    await room.send(line.strip())
                listening.cancel()


async def listen(room: Room) -> None:
    for event in room.recent:
        show(event)
    async for event in room:
        show(event)


def show(event: object) -> None:
    if isinstance(event, MessageSent):
        print(f"{printable(event.name)}: {printable(event.text or '')}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
